"""The demo floor: a client of the public API that fills a mesh with a small factory."""
