"""The paths of the devices service."""
