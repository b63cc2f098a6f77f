"""The tracking service's endpoints, one file a noun."""
