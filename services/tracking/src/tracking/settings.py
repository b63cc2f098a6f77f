"""Settings of the tracking service."""

from pydantic import Field, SecretStr

from common.settings import ServiceSettings


class Settings(ServiceSettings):
    """What this service reads beside the settings of all."""

    tracking_port: int = Field(8002, ge=1, le=65535, description="Port of the tracking service.")
    orchestrator_url: str = Field(
        "http://127.0.0.1:8001", description="Where the orchestrator answers."
    )
    ingest_connections: int = Field(
        8, ge=1, le=100, description="PostgreSQL connections that take observations in."
    )
    frame_memory_s: float = Field(
        3600.0,
        ge=60,
        le=604_800,
        description="How long a frame's id is kept, so that a late repeat is known as one.",
    )
    metrics_update_s: float = Field(
        30.0, gt=0, le=3600, description="How often viewers of the floor get its metrics."
    )
    floor_sweep_s: float = Field(
        2.0, gt=0, le=600, description="How often silent cameras are looked for."
    )
    camera_supervision: bool = Field(
        True, description="Whether this process keeps active cameras running on vision nodes."
    )
    camera_retry_s: float = Field(
        5.0, gt=0, le=600, description="First pause before a lost camera is tried again; doubles."
    )
    camera_retry_most_s: float = Field(
        120.0, gt=0, le=3600, description="Longest pause before a lost camera is tried again."
    )
    camera_max_fps: float = Field(
        10.0, gt=0, le=60, description="Frames a second that a live camera is followed at."
    )
    camera_credentials_secret: SecretStr = Field(
        SecretStr(""),
        description="Secret that cameras' addresses are encrypted with; "
        "the service's own secret if empty.",
    )
    qdrant_url: str = Field("", description="Qdrant, for vectors; pgvector serves if empty.")
    llm_url: str = Field(
        "", description="OpenAI-compatible server that words answers, ending in /v1; none if empty."
    )
    llm_model: str = Field("llama3.2", max_length=200, description="Model that words answers.")
    llm_api_key: SecretStr = Field(SecretStr(""), description="Key of that server, if it has one.")
    llm_timeout_s: float = Field(
        60.0, gt=0, le=600, description="Seconds that it may take for a whole answer."
    )
    embeddings: bool = Field(
        True, description="Whether similar past anomalies are looked for by their meaning."
    )

    @property
    def vault_secret(self) -> str:
        """The secret that addresses are encrypted with."""
        chosen = self.camera_credentials_secret.get_secret_value()
        return chosen or self.service_secret.get_secret_value()
