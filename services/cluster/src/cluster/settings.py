"""Settings of the cluster service."""

from pydantic import Field, SecretStr

from common.settings import ServiceSettings


class Settings(ServiceSettings):
    """What this service reads beside the settings of all."""

    cluster_port: int = Field(8005, ge=1, le=65535, description="Port of the cluster service.")
    orchestrator_url: str = Field(
        "http://127.0.0.1:8001", description="Where the orchestrator answers."
    )
    tracking_url: str = Field("http://127.0.0.1:8002", description="Where tracking answers.")
    printers_url: str = Field("http://127.0.0.1:8003", description="Where printers answers.")
    devices_url: str = Field("http://127.0.0.1:8004", description="Where devices answers.")
    dask_url: str = Field(
        "", description="Address of a Dask scheduler, as `tcp://host:8786`; none if empty."
    )
    alert_webhook_url: SecretStr = Field(
        SecretStr(""),
        description="Where alerts are sent, as Alertmanager's webhook (version 4) does.",
    )
    log_store_mb: int = Field(
        256, ge=8, le=1_000_000, description="Size of all kept log lines, in MiB."
    )
    log_component_share: float = Field(
        0.25, gt=0, le=1, description="Largest part of that which one component's lines may take."
    )
    silence_s: float = Field(
        5.0, ge=1, le=300, description="Seconds without a sign of life until a process is missed."
    )
    settle_s: float = Field(
        4.0, ge=0, le=3600, description="Seconds that a cause must be gone until its alert ends."
    )
    drain_limit_s: float = Field(
        60.0, ge=0, le=3600, description="Seconds that a worker has to finish what it works on."
    )
    return_limit_s: float = Field(
        60.0, ge=1, le=3600, description="Seconds within which a restarted worker must be back."
    )

    @property
    def service_urls(self) -> dict[str, str]:
        """Where the services answer that have an address."""
        return {
            "gateway": self.gateway_url,
            "orchestrator": self.orchestrator_url,
            "tracking": self.tracking_url,
            "printers": self.printers_url,
            "devices": self.devices_url,
            "cluster": f"http://127.0.0.1:{self.cluster_port}",
        }
