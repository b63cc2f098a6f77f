"""A stand-in for the migrations."""
