"""What the cluster service says and takes."""
