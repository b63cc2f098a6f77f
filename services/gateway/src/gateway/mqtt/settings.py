"""Settings of the MQTT door."""

from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator

from common.settings import ServiceSettings


class DoorSettings(ServiceSettings):
    """What the door reads beside the settings of all."""

    mqtt_port: int = Field(1883, ge=1, le=65535, description="Port that MQTT clients connect to.")
    mqtt_metrics_port: int = Field(
        0,
        ge=0,
        le=65535,
        description="Port of the door's own `/healthz`, `/readyz` and `/metrics`; 0 for none.",
    )
    nats_mqtt_url: SecretStr = Field(
        SecretStr("mqtt://127.0.0.1:1884"), description="NATS's MQTT listener, with credentials."
    )
    devices_url: str = Field("http://127.0.0.1:8004", description="The devices service.")
    printers_url: str = Field("http://127.0.0.1:8003", description="The printers service.")
    mqtt_tls_cert_file: Path | None = Field(
        None, description="Certificate chain in PEM; with it the port speaks TLS."
    )
    mqtt_tls_key_file: Path | None = Field(None, description="The certificate's private key.")
    mqtt_max_packet_bytes: int = Field(
        256 * 1024, ge=1024, le=4 * 1024 * 1024, description="Largest packet of a client."
    )
    mqtt_messages_per_s: float = Field(
        100.0, gt=0, description="Messages a second of one identity, over time."
    )
    mqtt_burst: int = Field(1_000, ge=1, description="Messages that may come at once.")
    mqtt_max_connections: int = Field(20_000, ge=1, description="Open connections in all.")
    mqtt_connections_per_identity: int = Field(
        20, ge=1, description="Open connections of one device or printer."
    )
    mqtt_connect_timeout_s: float = Field(
        10.0, gt=0, description="Seconds that a client has for its CONNECT."
    )

    @model_validator(mode="after")
    def _key_belongs_to_certificate(self) -> Self:
        if (self.mqtt_tls_cert_file is None) != (self.mqtt_tls_key_file is None):
            raise ValueError("mqtt_tls_cert_file and mqtt_tls_key_file go together")
        return self
