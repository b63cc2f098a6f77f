"""The settings that users change while the mesh runs (contract, chapter 9)."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from common.schemas.mesh import LogLevel


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


Percent = Annotated[float, Field(ge=1, le=100)]
Level = Annotated[LogLevel, BeforeValidator(_upper)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


class AlertThresholds(_Strict):
    """From which load on a host raises an alert; percent."""

    cpu_percent: Percent = 90
    memory_percent: Percent = 90
    disk_percent: Percent = 90


class ClusterSettings(_Strict):
    """All of them."""

    sampling_interval_seconds: int = Field(10, ge=1, le=3600)
    alert_thresholds: AlertThresholds = Field(default_factory=AlertThresholds)
    log_level: Level = "INFO"
    log_retention_hours: int = Field(168, ge=1, le=720)
    metrics_retention_days: int = Field(30, ge=1, le=365)


class SettingsPatch(ClusterSettings):
    """Settings to change; what is not named stays. Defaults are never applied."""


def merged(current: ClusterSettings, patch: SettingsPatch) -> ClusterSettings:
    """The settings with what the patch names put in their place."""
    changes = patch.model_dump(exclude_unset=True)
    values = current.model_dump()
    thresholds = {**values["alert_thresholds"], **changes.pop("alert_thresholds", {})}
    return ClusterSettings.model_validate({**values, **changes, "alert_thresholds": thresholds})


def difference(before: ClusterSettings, after: ClusterSettings) -> dict[str, Any]:
    """What changed, as `{name: [old, new]}`; thresholds by their full name."""
    old, new = _flat(before), _flat(after)
    return {name: [old[name], value] for name, value in new.items() if old[name] != value}


def _flat(settings: ClusterSettings) -> dict[str, Any]:
    values = settings.model_dump()
    thresholds = values.pop("alert_thresholds")
    return values | {f"alert_thresholds.{name}": value for name, value in thresholds.items()}
