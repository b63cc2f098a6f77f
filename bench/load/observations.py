"""People seen by a camera: acknowledged by 202, and known again when they are sent again."""

import itertools
from datetime import UTC, datetime
from typing import Any, Final, Self

import asyncpg
import httpx

from bench.load.ledger import Verdict, compare
from bench.load.pulse import Pulse
from bench.load.site import Site

_FRAMES: Final = 5
_ROOM: Final = [[0, 0], [1919, 0], [1919, 1079], [0, 1079]]


class Observations:
    """One camera, one zone, one person who stays in it all the time."""

    kind = "observations (HTTP 202)"

    def __init__(self, site: Site, camera_id: str, *, every_s: float) -> None:
        self._site = site
        self._camera_id = camera_id
        self._every_s = every_s
        self._numbers = itertools.count(1)
        self._batches: list[list[dict[str, Any]]] = []
        self._pending: list[dict[str, Any]] = []
        self.pulses = [Pulse(self.kind)]

    @classmethod
    async def prepared(cls, site: Site, *, every_s: float = 0.5) -> Self:
        """With a camera and a zone of its own."""
        camera_id = "LOAD-CAMERA"
        camera = {"camera_id": camera_id, "name": "Load", "rtsp_url": "rtsp://127.0.0.1:9/none"}
        await site.make("/api/v1/cameras", camera)
        zone = {"zone_id": "LOAD", "camera_id": camera_id, "name": "Room", "polygon_coords": _ROOM}
        await site.make("/api/v1/zones", zone)
        return cls(site, camera_id, every_s=every_s)

    async def run(self) -> None:
        """Post until the end."""
        await self._site.steadily(self.pulses[0], self._post, every_s=self._every_s)

    async def _post(self) -> httpx.Response:
        if not self._pending:
            self._pending = [_frame(n) for n in itertools.islice(self._numbers, _FRAMES)]
        answer = await self._send(self._pending)
        if answer.status_code == 202:
            self._batches.append(self._pending)
            self._pending = []
        return answer

    async def _send(self, frames: list[dict[str, Any]]) -> httpx.Response:
        body = {"camera_id": self._camera_id, "frames": frames}
        return await self._site.http.post("/api/v1/observations", json=body)

    async def compare(self, database: "asyncpg.Connection[asyncpg.Record]") -> Verdict:
        """What was acknowledged against what is stored; then all of it once more."""
        rows = await database.fetch(
            "SELECT frame_id FROM tracking.frames WHERE camera_id = $1", self._camera_id
        )
        promised = [str(frame["frame_id"]) for batch in self._batches for frame in batch]
        stored = [str(row["frame_id"]) for row in rows]
        notes = await self._repeated() + await self._stays()
        return compare(self.kind, promised, stored=stored, notes=notes)

    async def _repeated(self) -> list[str]:
        """Whatever was acknowledged is a duplicate when it comes again."""
        wrong = []
        for batch in self._batches:
            answer = (await self._send(batch)).json()
            if answer.get("duplicates") != len(batch) or answer.get("accepted") != 0:
                wrong.append(f"frame {batch[0]['frame_id']} again: {answer}")
        return wrong[:3]

    async def _stays(self) -> list[str]:
        """One person who never left is one stay."""
        answer = await self._site.http.get("/api/v1/sessions", params={"zone_id": "LOAD"})
        total = answer.json()["total"]
        return [] if total <= 1 else [f"one stay has become {total}"]


def _frame(number: int) -> dict[str, Any]:
    left = 900 + number % 20
    track = {
        "track_id": 1, "bbox": [left, 400, left + 80, 700], "confidence": 0.9, "motion": 0.5,
    }  # fmt: skip
    now = datetime.now(UTC).isoformat()
    return {"timestamp": now, "frame_id": number, "tracks": [track]}
