"""Events of the floor as they happen, for WebSocket clients."""
