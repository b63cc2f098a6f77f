"""One viewer's bounded queue: a slow one loses old frames, never a result (contract, chapter 5)."""

from dataclasses import dataclass, field
from typing import Any, Final, Literal

from common.viewing import Waiting
from orchestrator import metrics

Pictures = Literal["none", "drawn", "plain"]
_FRAME: Final = "frame_result"


@dataclass(frozen=True, slots=True)
class Message:
    """An encoded event."""

    seq: int
    text: str
    kind: str
    inspection_id: str
    machine_id: str
    data: dict[str, Any] = field(default_factory=dict)


class Viewer(Waiting[Message]):
    """What waits for one socket, and which pictures it wants."""

    def __init__(self, *, size: int, pictures: Pictures = "none") -> None:
        super().__init__((_FRAME,), size=size)
        self.pictures = pictures

    def count_dropped(self) -> None:
        """Count a frame that made room."""
        metrics.FRAMES_DROPPED.inc()
