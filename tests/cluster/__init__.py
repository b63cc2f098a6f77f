"""The cluster service: it watches the mesh."""
