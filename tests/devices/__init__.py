"""Tests of the devices service."""
