"""The pure core of tracking: what frames of a camera mean, with no I/O and no clock of its own."""
