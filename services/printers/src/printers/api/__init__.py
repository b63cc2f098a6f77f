"""The printers service's HTTP and WebSocket paths."""
