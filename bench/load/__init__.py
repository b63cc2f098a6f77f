"""Mixed load on a mesh by clients of its public API, each of which keeps a ledger."""
