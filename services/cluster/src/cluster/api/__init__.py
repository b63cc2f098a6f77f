"""The paths of the cluster service, each beside its `/api` twin."""
