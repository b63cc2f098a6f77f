"""All the SQL of the orchestrator, one file a noun."""
