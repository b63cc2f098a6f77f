"""Users, sessions, API keys and tokens: one store for the whole mesh (contract, chapter 3)."""
