"""What the tracking service does without being asked."""
