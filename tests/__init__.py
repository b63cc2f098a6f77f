"""Tests of the whole: they start what users start and look at what users see."""
