"""Bodies and answers of the tracking service."""
