"""What runs beside the requests: the sweep, the bridges, the MQTT intake, the cameras."""
