"""Live updates for WebSocket clients."""
