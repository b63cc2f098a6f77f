"""What the orchestrator's public paths take and answer."""
