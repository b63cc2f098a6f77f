"""Settings of the printers service."""

import ipaddress

from pydantic import Field, SecretStr, field_validator

from common.settings import ServiceSettings


class Settings(ServiceSettings):
    """What this service reads beside the settings of all."""

    printers_port: int = Field(8003, ge=1, le=65535, description="Port of the printers service.")
    orchestrator_url: str = Field(
        "http://127.0.0.1:8001", description="Where the orchestrator answers."
    )
    printer_silence_s: float = Field(
        90.0, gt=0, le=86400, description="Silence after which a printer is offline."
    )
    printer_sweep_s: float = Field(
        5.0,
        gt=0,
        le=600,
        description="How often silent printers and stale commands are looked for.",
    )
    printer_networks: str = Field(
        "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7",
        description="Networks that bridges and cameras may reach, comma separated; "
        "link-local addresses never are.",
    )
    printer_bridges: bool = Field(
        True, description="Whether this process runs bridges; one replica of the service does."
    )
    printer_poll_s: float = Field(
        5.0, gt=0, le=3600, description="How often a bridge asks a printer that does not push."
    )
    printer_timeout_s: float = Field(
        10.0, gt=0, le=120, description="Seconds that a printer may take to answer a bridge."
    )
    printer_report_s: float = Field(
        2.0, ge=0, le=60, description="Least time between two stored reports of one printer."
    )
    printer_mqtt_report_s: float = Field(
        15.0, ge=0, le=60, description="The same for printers that report by MQTT each second."
    )
    printer_retry_s: float = Field(
        2.0, gt=0, le=600, description="First pause after a bridge lost its printer; it doubles."
    )
    printer_retry_most_s: float = Field(
        60.0, gt=0, le=3600, description="Longest pause before a bridge tries again."
    )
    printer_command_wait_s: float = Field(
        8.0, ge=0, le=25, description="Seconds that a command waits for the printer to obey."
    )
    printer_command_expiry_s: float = Field(
        60.0,
        gt=0,
        le=3600,
        description="Seconds after which a command that nothing came of failed.",
    )
    printer_points: int = Field(
        720, ge=10, le=20_000, description="Points of history that each job keeps."
    )
    printer_runaway_c: float = Field(
        25.0, gt=0, le=500, description="Degrees off target that are too far while printing."
    )
    printer_runaway_s: float = Field(
        60.0, ge=0, le=3600, description="Seconds too far off target before an alert is raised."
    )
    printer_credentials_secret: SecretStr = Field(
        SecretStr(""),
        description="Secret that printers' credentials are encrypted with; "
        "the service's own secret if empty.",
    )

    @field_validator("printer_networks")
    @classmethod
    def _known_networks(cls, text: str) -> str:
        for part in text.split(","):
            if part.strip():
                ipaddress.ip_network(part.strip())
        return text

    @property
    def vault_secret(self) -> str:
        """The secret that credentials are encrypted with."""
        chosen = self.printer_credentials_secret.get_secret_value()
        return chosen or self.service_secret.get_secret_value()
