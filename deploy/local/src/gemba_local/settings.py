"""Settings of the one-machine runner: every `GEMBA_*` variable that it reads, in one table."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

Port = Annotated[int, Field(ge=1, le=65535)]
OwnPort = Annotated[int, Field(ge=0, le=65535)]


class RunnerSettings(BaseSettings):
    """What `make run` can be told; every other `GEMBA_*` variable goes to the services as it is."""

    model_config = SettingsConfigDict(
        env_prefix="GEMBA_", extra="ignore", frozen=True, env_ignore_empty=True
    )

    data_dir: Path = Field(
        Path(".gemba"), description="Folder for everything that is kept: data, secrets, state."
    )
    host: str = Field(
        "127.0.0.1",
        description="Address that the gateway and the MQTT door listen on (`0.0.0.0` opens them "
        "to the network); everything behind it stays on loopback.",
    )
    gateway_port: Port = Field(8000, description="Port of the gateway: the one that users need.")
    orchestrator_port: Port = Field(8001, description="Port of the orchestrator.")
    tracking_port: Port = Field(8002, description="Port of tracking.")
    printers_port: Port = Field(8003, description="Port of printers.")
    devices_port: Port = Field(8004, description="Port of devices.")
    cluster_port: Port = Field(8005, description="Port of cluster.")
    vision_node_port: Port = Field(5000, description="Port of the vision node.")
    mqtt_port: Port = Field(1883, description="Port that MQTT clients connect to.")
    postgres_port: OwnPort = Field(
        0, description="Port of the embedded PostgreSQL; 0 picks a free one and keeps it."
    )
    nats_port: OwnPort = Field(
        0, description="Port of the embedded NATS; 0 picks a free one and keeps it."
    )
    nats_mqtt_port: OwnPort = Field(
        0, description="Port of NATS's inner MQTT listener; 0 picks a free one and keeps it."
    )
    nats_monitor_port: OwnPort = Field(
        0, description="Port of NATS's monitoring page; 0 picks a free one and keeps it."
    )
    embedded_ports: str = Field(
        "20000-29999",
        pattern=r"^\d{1,5}-\d{1,5}$",
        description="Range from which those four are picked.",
    )
    database_url: SecretStr | None = Field(
        None,
        description="A PostgreSQL of your own instead of the embedded one: "
        "`postgresql+asyncpg://user:password@host:port/name`.",
    )
    nats_url: SecretStr | None = Field(
        None, description="A NATS of your own with JetStream instead of the embedded one."
    )
    nats_mqtt_url: SecretStr | None = Field(
        None,
        description="Its MQTT listener, `mqtt://user:password@host:port`; needed with that NATS.",
    )
    admin_password: SecretStr | None = Field(
        None,
        min_length=8,
        description="First password of the user `admin`; a random one by default.",
    )
    log_format: Literal["text", "json"] = Field(
        "text",
        description="`text`: one readable, prefixed line each, coloured on a terminal (unless "
        "`NO_COLOR` is set); `json`: one JSON object a line, the services' own lines untouched.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least level that the services log."
    )
    start_timeout_s: float = Field(
        60.0, gt=0, le=3600, description="Seconds to wait until every service is ready."
    )
    stop_timeout_s: float = Field(
        12.0, gt=0, le=3600, description="Seconds that a process has to stop before it is killed."
    )
    demo: bool = Field(
        False,
        description="Bring the demo floor, a small factory to look at (`make run` does, unless "
        "`DEMO=0`).",
    )
    die_with_parent: bool = Field(
        False,
        description="Stop as soon as the process that started the runner has gone "
        "(always so under `make`).",
    )

    @field_validator("embedded_ports")
    @classmethod
    def _a_range(cls, text: str) -> str:
        low, high = (int(part) for part in text.split("-"))
        if not 1024 <= low < high <= 65535:
            raise ValueError("must be two ports from 1024 to 65535, the lower first")
        return text

    @model_validator(mode="after")
    def _ports_differ(self) -> Self:
        seen: dict[int, str] = {}
        for name in type(self).model_fields:
            port = getattr(self, name) if name.endswith("_port") else 0
            if port and port in seen:
                raise ValueError(
                    f"{variable(seen[port])} and {variable(name)} are both {port}; "
                    "give each a port of its own"
                )
            seen[port] = name
        return self

    @property
    def embedded_range(self) -> range:
        """The ports from which the embedded servers' are picked."""
        low, high = (int(part) for part in self.embedded_ports.split("-"))
        return range(low, high + 1)


def variable(field: str) -> str:
    """The environment variable that sets this field."""
    return f"GEMBA_{field.upper()}"


def settings_table() -> str:
    """Every setting as a Markdown table: name, default, meaning."""
    rows = ["| setting | default | meaning |", "| --- | --- | --- |"]
    for name, field in RunnerSettings.model_fields.items():
        rows.append(f"| `{variable(name)}` | {_default(field.default)} | {field.description} |")
    return "\n".join(rows)


def _default(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"
