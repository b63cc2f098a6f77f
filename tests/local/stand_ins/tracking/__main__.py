"""A stand-in."""

from serving import serve

serve("tracking")
