"""Events to WebSocket viewers: one feed from the bus, a bounded queue for each viewer."""
