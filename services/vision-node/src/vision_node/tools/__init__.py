"""One file a tool; the registry finds them by walking this folder."""
