"""Machines, inspections and the queue between them."""
