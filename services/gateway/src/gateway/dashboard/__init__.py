"""The dashboard: static files for browsers, and what serves them."""
