"""The mesh watches itself."""
