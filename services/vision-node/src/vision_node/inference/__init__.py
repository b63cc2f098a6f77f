"""Models: what is in the folder, the sessions that run them, and how their outputs are read."""
