"""A stand-in."""

from serving import serve

serve("vision_node")
