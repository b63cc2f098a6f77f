"""Writes `settings.md` from the settings themselves: `python docs/settings_table.py`."""

import sys
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from cluster.settings import Settings as ClusterSettings
from common.settings import ServiceSettings
from devices.settings import Settings as DevicesSettings
from gateway.mqtt.settings import DoorSettings
from gateway.settings import Settings as GatewaySettings
from gemba_local.settings import RunnerSettings
from orchestrator.settings import Settings as OrchestratorSettings
from printers.settings import Settings as PrintersSettings
from tracking.settings import Settings as TrackingSettings
from vision_node.settings import Settings as NodeSettings

PAGE = Path(__file__).with_name("settings.md")
_ROOT = Path(__file__).parents[1]
_GROUPS: dict[str, type[BaseSettings]] = {
    "The one-machine runner (`make run`)": RunnerSettings,
    "Every service": ServiceSettings,
    "gateway": GatewaySettings,
    "MQTT door": DoorSettings,
    "orchestrator": OrchestratorSettings,
    "vision-node": NodeSettings,
    "tracking": TrackingSettings,
    "printers": PrintersSettings,
    "devices": DevicesSettings,
    "cluster": ClusterSettings,
}


def page() -> str:
    """The whole page."""
    parts = [
        "# Settings",
        "",
        "Every setting is an environment variable. This page is written from the code by",
        "`python docs/settings_table.py`; a test fails when it is out of date. Where",
        "`GEMBA_SECRETS_DIR` names a folder, a service also reads settings from files in it, named",
        "like the variable in small letters (`gemba_database_url`); a variable wins over a file.",
    ]
    shared = set(ServiceSettings.model_fields)
    for title, group in _GROUPS.items():
        is_service = issubclass(group, ServiceSettings) and group is not ServiceSettings
        hidden = shared if is_service else set[str]()
        rows = [
            f"| `GEMBA_{name.upper()}` | {_shown(field)} | {field.description} |"
            for name, field in group.model_fields.items()
            if name not in hidden
        ]
        parts += ["", f"## {title}", "", "| variable | default | meaning |", "| --- | --- | --- |"]
        parts += rows
    return "\n".join(parts) + "\n"


def _shown(field: FieldInfo) -> str:
    """The default; a dash where it is empty or worked out on the machine itself."""
    default: Any = None if field.default_factory else field.get_default()
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    if default is None or default in ("", ()) or default is PydanticUndefined:
        return "–"
    if isinstance(default, Path) and default.is_absolute():
        default = default.relative_to(_ROOT) if default.is_relative_to(_ROOT) else default.name
    if isinstance(default, bool):
        default = str(default).lower()
    return f"`{default}`"


if __name__ == "__main__":
    PAGE.write_text(page())
    sys.stdout.write(f"wrote {PAGE.name}\n")
