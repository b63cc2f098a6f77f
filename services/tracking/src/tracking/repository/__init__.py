"""All the SQL of the tracking service."""
