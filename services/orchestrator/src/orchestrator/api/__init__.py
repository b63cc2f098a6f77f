"""The paths of the orchestrator: thin, one file a noun."""
