"""3D printers and their jobs."""
