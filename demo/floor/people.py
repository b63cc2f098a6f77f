"""People on shifts: the worker on a video, whom a node finds, and his colleagues in the hall.

The colleagues are on nobody's picture: they walk in this small world, and what a node would
observe of them is posted. They have a camera of their own, because two observers of one camera
would each report the other's people as gone.
"""

import asyncio
import math
import random
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
from demo.floor.mesh import MARK, Mesh

GATE: Final = f"{MARK}gate"
HALL: Final = f"{MARK}hall"
_VIDEO: Final = Path(__file__).parents[1] / "videos" / "worker-zone-detection.gif"
_GATE_SIZE: Final = "480x270"
_HALL_SIZE: Final = "1280x720"
_NOWHERE: Final = "rtsp://demo.invalid/hall"
_POST_S: Final = 1.0
_FRAMES: Final = 2
_LOOK_S: Final = 60.0
_PEOPLE: Final = (
    ("01", "สมชาย ใจดี", "morning", "expert"),
    ("02", "Ana Souza", "morning", "expert"),
    ("03", "สมหญิง รักงาน", "morning", "intermediate"),
    ("04", "João Lima", "afternoon", "intermediate"),
    ("05", "Mary Novak", "afternoon", "beginner"),
)
_ZONES: Final[dict[str, tuple[str, str, list[list[int]], int, int]]] = {
    "assembly": ("Assembly", "#2F9E44", [[60, 330], [420, 300], [450, 690], [60, 700]], 1, 3),
    "testing": ("Testing", "#1C7ED6", [[500, 300], [830, 300], [850, 690], [490, 690]], 1, 3),
    "packing": ("Packing", "#E8590C", [[900, 300], [1230, 320], [1240, 700], [900, 690]], 1, 2),
}
_WALKWAY: Final = [[4, 150], [60, 92], [240, 118], [430, 112], [476, 160], [476, 266], [4, 266]]
_STAY_S: Final = (120.0, 420.0)
_WALK_PX_S: Final = 140.0
_PAUSE_SHARE: Final = 0.25
_HALF_WIDTH: Final = 34
_HEIGHT: Final = 170


@dataclass
class Person:
    """Somebody who works at a place, pauses there, and walks to the next."""

    worker_id: str
    track_id: str
    zone: str
    place: tuple[float, float] = (640.0, 500.0)
    target: tuple[float, float] = (640.0, 500.0)
    leaves_at: float = 0.0
    pauses_until: float = 0.0
    works_until: float = field(default_factory=time.monotonic)

    def step(self, seconds: float) -> float:
        """Move on; returns how much of the picture moves, 0..1."""
        now = time.monotonic()
        if now >= self.leaves_at:
            self._choose(now)
        dx, dy = self.target[0] - self.place[0], self.target[1] - self.place[1]
        distance = math.hypot(dx, dy)
        if distance > 4:
            share = min(1.0, _WALK_PX_S * seconds / distance)
            self.place = (self.place[0] + dx * share, self.place[1] + dy * share)
            return 0.8
        if now > self.works_until:
            self.pauses_until = now + (random.uniform(20, 75) if self._is_tired() else 0)
            self.works_until = self.pauses_until + random.uniform(25, 90)
        return 0.03 if now < self.pauses_until else random.uniform(0.3, 0.7)

    def _choose(self, now: float) -> None:
        self.zone = random.choice(list(_ZONES)) if self.leaves_at else self.zone
        corners = _ZONES[self.zone][2]
        # A mean of the corners by chance lies inside of a convex zone, away from its border.
        weights = [random.uniform(0.5, 1.5) for _ in corners]
        whole = sum(weights)
        self.target = (
            sum(x * w for (x, _), w in zip(corners, weights, strict=True)) / whole,
            sum(y * w for (_, y), w in zip(corners, weights, strict=True)) / whole,
        )
        self.leaves_at = now + random.uniform(*_STAY_S)

    @staticmethod
    def _is_tired() -> bool:
        return random.random() < _PAUSE_SHARE

    def observation(self, motion: float) -> dict[str, Any]:
        """The person as a track of the camera."""
        x, y = self.place
        return {
            "track_id": self.track_id,
            "bbox": [x - _HALF_WIDTH, y - _HEIGHT, x + _HALF_WIDTH, y],
            "confidence": 0.9,
            "motion": round(motion, 3),
            "worker_id": self.worker_id,
        }


async def run(mesh: Mesh) -> None:
    """Set the hall up where the floor service is there, and let people work in it."""
    while (await mesh.http.get("/api/v1/zones")).status_code != httpx.codes.OK:
        await asyncio.sleep(_LOOK_S)
    await _set_up(mesh)
    people = [
        Person(f"{MARK}W{number}", f"{MARK}{number}", zone=list(_ZONES)[place % len(_ZONES)])
        for place, (number, *_) in enumerate(_PEOPLE)
    ]
    # The node numbers its frames; ours have names, which a restart does not repeat.
    frame, run_name = 0, f"{MARK}{int(time.time())}"
    while True:
        frames = []
        for _ in range(_FRAMES):
            await asyncio.sleep(_POST_S / _FRAMES)
            tracks = [one.observation(one.step(_POST_S / _FRAMES)) for one in people]
            moment = datetime.now(UTC).isoformat().replace("+00:00", "Z")
            frames.append(
                {"timestamp": moment, "frame_id": f"{run_name}-{frame}", "tracks": tracks}
            )
            frame += 1
        await mesh.post("/api/v1/observations", {"camera_id": HALL, "frames": frames})


async def clean(mesh: Mesh) -> int:
    """Take the cameras, their zones and the workers out of use; how many there were."""
    paths = [f"/api/v1/zones/{MARK}{name}" for name in (*_ZONES, "walkway")]
    paths += [f"/api/v1/workers/{MARK}W{number}" for number, *_ in _PEOPLE]
    paths += [f"/api/v1/cameras/{camera}" for camera in (GATE, HALL)]
    return sum([await mesh.delete(path) for path in paths])


async def _set_up(mesh: Mesh) -> None:
    await _camera(mesh, GATE, name="Gate (demo)", address=str(_VIDEO), size=_GATE_SIZE)
    await _camera(mesh, HALL, name="Hall (demo)", address=_NOWHERE, size=_HALL_SIZE)
    walkway = ("Walkway", "#F08C00", _WALKWAY, 0, 3)
    for name, plan in {**_ZONES, "walkway": walkway}.items():
        title, color, corners, least, most = plan
        zone = {
            "camera_id": HALL if name in _ZONES else GATE,
            "name": f"{title} (demo)",
            "zone_type": "work_area",
            "color": color,
            "polygon_coords": corners,
            "min_workers": least,
            "max_workers": most,
        }
        await _put(mesh, "/api/v1/zones", key="zone_id", identity=f"{MARK}{name}", body=zone)
    for number, name, shift, skill in _PEOPLE:
        worker = {"name": name, "shift": shift, "skill_level": skill}
        identity = f"{MARK}W{number}"
        await _put(mesh, "/api/v1/workers", key="worker_id", identity=identity, body=worker)


async def _camera(mesh: Mesh, identity: str, *, name: str, address: str, size: str) -> None:
    camera = {
        "name": name,
        "rtsp_url": address,
        "location": "Demo hall",
        "resolution": size,
        "fps": _FRAMES,
    }
    await _put(mesh, "/api/v1/cameras", key="camera_id", identity=identity, body=camera)


async def _put(mesh: Mesh, path: str, *, key: str, identity: str, body: dict[str, Any]) -> None:
    """Make it, or bring back what is there already."""
    answer = await mesh.http.post(path, json=body | {key: identity})
    if answer.status_code == httpx.codes.CONFLICT:
        answer = await mesh.http.put(f"{path}/{identity}", json=body | {"active": True})
    answer.raise_for_status()
