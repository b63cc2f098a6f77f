"""The one door: identity, rate limits, routing, the dashboard and the documentation."""
