"""The rules of the cluster service, by noun."""
