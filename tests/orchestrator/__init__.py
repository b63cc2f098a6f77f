"""The orchestrator, driven over HTTP with real PostgreSQL and NATS."""
