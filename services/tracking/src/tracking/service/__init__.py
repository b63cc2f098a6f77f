"""What the tracking service does, one file a noun."""
