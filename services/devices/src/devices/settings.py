"""Settings of the devices service."""

from pydantic import Field, field_validator

from common.settings import ServiceSettings

_LONGEST_DAYS = 30_000


class Settings(ServiceSettings):
    """What this service reads beside the settings of all."""

    devices_port: int = Field(8004, ge=1, le=65535, description="Port of the devices service.")
    measurement_retention_days: int = Field(
        3650, ge=1, le=_LONGEST_DAYS, description="Days that readings are kept."
    )
    metric_retention_days: dict[str, int] = Field(
        default_factory=dict,
        description='Other days for single metrics, as JSON: `{"vibration": 14}`.',
    )
    ingest_buffer_rows: int = Field(
        50_000, ge=1_000, description="Readings that may wait for their commit before 503."
    )
    ingest_lanes: int = Field(2, ge=1, le=16, description="Commits that may be under way at once.")
    metrics_per_device: int = Field(
        1_000, ge=1, description="Different metrics that one device may have."
    )

    @field_validator("metric_retention_days")
    @classmethod
    def _sane_days(cls, days: dict[str, int]) -> dict[str, int]:
        if wrong := [name for name, kept in days.items() if not 1 <= kept <= _LONGEST_DAYS]:
            raise ValueError(f"days of {wrong[0]!r} must be from 1 to {_LONGEST_DAYS}")
        return days

    @property
    def kept_days_longest(self) -> int:
        """The age from which no reading is taken any more."""
        return max(self.measurement_retention_days, *self.metric_retention_days.values(), 0)

    def kept_days_of(self, metric: str) -> int:
        """How long readings of this metric are kept."""
        return self.metric_retention_days.get(metric, self.measurement_retention_days)
