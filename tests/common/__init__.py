"""Tests of the common."""
