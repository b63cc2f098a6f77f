"""What the cluster service does beside answering."""
