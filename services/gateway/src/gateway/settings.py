"""Settings of the gateway."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from common.settings import ServiceSettings


class Settings(ServiceSettings):
    """What the gateway reads beside the settings of all."""

    gateway_port: int = Field(8000, ge=1, le=65535, description="Port of the gateway.")
    mqtt_port: int = Field(
        1883, ge=1, le=65535, description="Port of the MQTT door, as the dashboard tells it."
    )
    orchestrator_url: str = Field("http://127.0.0.1:8001", description="The orchestrator.")
    tracking_url: str = Field("http://127.0.0.1:8002", description="The tracking service.")
    printers_url: str = Field("http://127.0.0.1:8003", description="The printers service.")
    devices_url: str = Field("http://127.0.0.1:8004", description="The devices service.")
    cluster_url: str = Field("http://127.0.0.1:8005", description="The cluster service.")
    routes_file: Path = Field(
        Path(__file__).parent / "routes.toml",
        description="The table of routes, limits and body sizes; read again when it changes.",
    )
    limits: dict[str, str] = Field(
        default_factory=dict,
        description='Overrides of rows of the limits table, as JSON: `{"rest": "600/minute"}`.',
    )
    redis_url: SecretStr = Field(
        SecretStr(""), description="Redis or Valkey that gateways share their limits in."
    )
    qdrant_url: str = Field("", description="Qdrant, when it is used for vectors.")
    llm_url: str = Field("", description="An OpenAI-compatible server (Ollama), when used.")
    signing_key_file: Path = Field(
        Path(".gemba/signing-key.pem"),
        description="EC P-256 private keys in PEM; the first signs, all verify.",
    )
    mesh_secret: SecretStr = Field(
        SecretStr(""), description="Secret that the services' own secrets are derived from."
    )
    admin_password: SecretStr = Field(
        SecretStr(""), description="First password of `admin`; a random one is made if empty."
    )
    bootstrap_machine_key: SecretStr = Field(
        SecretStr(""), description="API key that the first vision node comes with."
    )
    access_token_s: int = Field(86_400, ge=60, description="Seconds that an access token lives.")
    refresh_token_s: int = Field(
        30 * 86_400, ge=60, description="Seconds that a refresh token lives."
    )
    allowed_origins: Annotated[list[str], NoDecode] = Field(
        default_factory=list,
        description="Other origins whose pages may use this gateway, separated by commas.",
    )
    trusted_proxies: Annotated[list[str], NoDecode] = Field(
        default_factory=list,
        description="Addresses whose `X-Forwarded-For` is believed, separated by commas.",
    )
    max_header_bytes: int = Field(32_768, ge=1024, description="Size of a request's headers.")
    header_timeout_s: float = Field(15.0, gt=0, description="Seconds to send the headers in.")
    max_connections: int = Field(5_000, ge=1, description="Open connections in all.")
    max_connections_per_address: int = Field(
        1_000, ge=1, description="Open connections of one address."
    )

    @field_validator("allowed_origins", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return [part.strip().rstrip("/") for part in value.split(",") if part.strip()]
        return value

    @property
    def upstreams(self) -> dict[str, str]:
        """The services' addresses by name."""
        return {
            "orchestrator": self.orchestrator_url,
            "tracking": self.tracking_url,
            "printers": self.printers_url,
            "devices": self.devices_url,
            "cluster": self.cluster_url,
        }
