"""What the printers service does, by noun."""
