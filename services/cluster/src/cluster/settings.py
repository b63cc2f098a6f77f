"""Settings of the cluster service."""

from pydantic import Field

from common.settings import ServiceSettings


class Settings(ServiceSettings):
    """What this service reads beside the settings of all."""

    cluster_port: int = Field(8005, ge=1, le=65535, description="Port of the cluster service.")
