"""Settings of the tracking service."""

from pydantic import Field

from common.settings import ServiceSettings


class Settings(ServiceSettings):
    """What this service reads beside the settings of all."""

    tracking_port: int = Field(8002, ge=1, le=65535, description="Port of the tracking service.")
