"""Settings of the orchestrator."""

from pydantic import Field

from common.settings import ServiceSettings


class Settings(ServiceSettings):
    """What this service reads beside the settings of all."""

    orchestrator_port: int = Field(8001, ge=1, le=65535, description="Port of the orchestrator.")
    heartbeat_interval_s: float = Field(
        10.0, gt=0, le=3600, description="How often a vision node sends its heartbeat."
    )
    lease_s: float = Field(
        30.0, gt=0, le=3600, description="How long a node may work without renewing its lease."
    )
    max_attempts: int = Field(
        5, ge=1, le=100, description="Leases that an inspection may lose before it fails."
    )
    priority_aging_s: float = Field(
        300.0, gt=0, description="Waiting this long is worth one level of priority."
    )
    dispatch_poll_s: float = Field(
        1.0, gt=0, le=60, description="How often the queue is looked at when nothing wakes it."
    )
    dispatch_batch: int = Field(
        64, ge=1, le=1000, description="Inspections that one replica hands out at a time."
    )
    push_timeout_s: float = Field(
        5.0, gt=0, le=60, description="Seconds that a node may take to accept an inspection."
    )
    sweep_interval_s: float = Field(
        1.0, gt=0, le=60, description="How often lost leases and silent machines are looked for."
    )
    artifact_url: str = Field(
        "",
        description="Where images and artifacts are kept, e.g. s3://bucket/prefix; a folder "
        "below the data folder if empty.",
    )
    artifact_endpoint: str = Field(
        "",
        description="An S3 server of your own, such as `http://minio:9000`; Amazon's if empty. "
        "Keys come by `AWS_ACCESS_KEY_ID` and its like.",
    )
    image_max_bytes: int = Field(
        32 * 1024 * 1024, ge=1, description="Largest uploaded image, video or artifact."
    )
    result_retention_days: float = Field(
        90.0, ge=0, description="Days that a finished inspection is kept; 0 keeps it for ever."
    )
    image_retention_days: float = Field(
        30.0, ge=0, description="Days that an uploaded image is kept; 0 keeps it for ever."
    )
    retention_interval_s: float = Field(
        600.0, gt=0, description="How often what is past its retention is removed."
    )
    viewer_queue: int = Field(
        256, ge=8, le=10_000, description="Events that wait for one WebSocket client."
    )

    @property
    def silence_s(self) -> float:
        """Silence after which a machine is offline: three missed heartbeats."""
        return 3 * self.heartbeat_interval_s
