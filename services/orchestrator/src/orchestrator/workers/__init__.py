"""What runs beside the requests: dispatcher, sweeper, gauges, retention."""
