"""The MQTT door: a protocol-aware proxy, not a broker, in front of NATS's MQTT listener."""
