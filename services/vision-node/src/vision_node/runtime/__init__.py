"""What keeps a node at work: leases, threads, the spool, and the line to the orchestrator."""
