"""What runs now, in one file for tests and scripts; it holds no secret."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from gemba_local.folder import DataFolder, write_json
from gemba_local.supervisor import ChildRecord

Status = Literal["starting", "ready", "incomplete", "stopping", "stopped"]


@dataclass
class MeshState:
    """The state file's content, written anew at every change."""

    folder: DataFolder
    urls: Mapping[str, str]
    ports: Mapping[str, int]
    password_file: str
    status: Status = "starting"
    lacks: Mapping[str, str] = field(default_factory=dict)
    warden_pid: int | None = None

    def write(self, records: Mapping[str, ChildRecord]) -> None:
        """Write the state file, atomically."""
        write_json(
            self.folder.state,
            {
                "status": self.status,
                "data_dir": str(self.folder.root),
                "runner_pid": os.getpid(),
                "warden_pid": self.warden_pid,
                "urls": dict(self.urls),
                "ports": dict(self.ports),
                "admin": {"username": "admin", "password_file": self.password_file},
                "processes": {name: _facts(record) for name, record in records.items()},
                "not_ready": dict(self.lacks),
            },
        )


def _facts(record: ChildRecord) -> dict[str, object]:
    return {
        "pid": record.running.pid if record.running else None,
        "restarts": record.restarts,
        "started_at": record.started_at,
        "last_end": record.last_end,
        "is_ready": record.is_ready,
    }
