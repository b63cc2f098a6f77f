"""Faults under load: what was acknowledged is compared with what is stored afterwards."""
