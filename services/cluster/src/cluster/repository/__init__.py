"""All the SQL of the cluster service."""
