"""Events of printers as they happen, for WebSocket clients."""
