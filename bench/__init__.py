"""Measurements, each printed as ratios of one run on one machine."""
