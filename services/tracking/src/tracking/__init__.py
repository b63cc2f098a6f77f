"""People, zones and sessions."""
