"""Settings every service shares; each service adds its own. All come from `GEMBA_*` variables.

In containers secrets come by file: where `GEMBA_SECRETS_DIR` names a folder, a file
`gemba_database_url` in it is the setting of that name. A variable wins over a file.
"""

import os
import socket
from pathlib import Path
from typing import Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

SECRETS_DIR: Final = "GEMBA_SECRETS_DIR"


class ServiceSettings(BaseSettings):
    """What any process of the mesh needs to find the others and to say who it is."""

    model_config = SettingsConfigDict(
        env_prefix="GEMBA_", extra="ignore", frozen=True, env_ignore_empty=True
    )

    host: str = Field("127.0.0.1", description="Address that the services listen on.")
    data_dir: Path = Field(Path(".gemba"), description="Folder for everything that is kept.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least level that is logged."
    )
    timezone: str = Field("UTC", description="Zone of the factory, by its IANA name.")
    database_url: SecretStr = Field(
        SecretStr("postgresql+asyncpg://gemba@127.0.0.1:5432/gemba"),
        description="PostgreSQL, as a SQLAlchemy asyncpg address.",
    )
    database_pool_size: int = Field(
        8, ge=1, le=200, description="PostgreSQL connections that each process keeps."
    )
    nats_url: SecretStr = Field(
        SecretStr("nats://127.0.0.1:4222"), description="The bus, with user and password."
    )
    nats_replicas: int = Field(
        1, ge=1, le=5, description="NATS servers that keep each event; 3 where NATS is a cluster."
    )
    events_kept_s: int = Field(
        3600,
        ge=60,
        le=7 * 86_400,
        description="How long events can be read again by who was away; the same in every service.",
    )
    gateway_url: str = Field("http://127.0.0.1:8000", description="Where the gateway answers.")
    public_url: str = Field(
        "", description="Address by which users reach the gateway; the gateway's own if empty."
    )
    service_secret: SecretStr = Field(
        SecretStr(""), description="This service's proof of itself towards the gateway."
    )
    node_name: str = Field(
        "", max_length=253, description="Name of the host that this runs on; its own if empty."
    )
    otlp_url: str = Field(
        "",
        description="OpenTelemetry collector that traces are sent to by OTLP over HTTP, such as "
        "`http://collector:4318`; none if empty.",
    )
    otlp_ratio: float = Field(
        1.0, ge=0, le=1, description="Share of traces that are sent, of those that begin here."
    )
    drain_timeout_s: float = Field(
        8.0, ge=0, le=600, description="Seconds that open requests may take after SIGTERM."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then variables, then files; no `.env`, which would follow the folder."""
        folder = os.environ.get(SECRETS_DIR)
        if not folder:
            return init_settings, env_settings
        return init_settings, env_settings, SecretsSettingsSource(settings_cls, folder)

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"there is no time zone named {name!r}") from error
        return name

    @property
    def node(self) -> str:
        """The host's name in metrics and alerts."""
        return self.node_name or socket.gethostname()

    @property
    def external_url(self) -> str:
        """Address that links in answers start with, without a trailing slash."""
        return (self.public_url or self.gateway_url).rstrip("/")
