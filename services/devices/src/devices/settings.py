"""Settings of the devices service."""

from pydantic import Field

from common.settings import ServiceSettings


class Settings(ServiceSettings):
    """What this service reads beside the settings of all."""

    devices_port: int = Field(8004, ge=1, le=65535, description="Port of the devices service.")
