"""Settings of the printers service."""

from pydantic import Field

from common.settings import ServiceSettings


class Settings(ServiceSettings):
    """What this service reads beside the settings of all."""

    printers_port: int = Field(8003, ge=1, le=65535, description="Port of the printers service.")
