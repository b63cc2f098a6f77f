"""IoT devices and their measurements."""
