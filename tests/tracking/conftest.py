"""A tracking service of its own, with real PostgreSQL and NATS, and how to call it."""

import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.infrastructure import Issuer, Nats, Postgres, free_port, starting_service

QUICK = {
    "GEMBA_FLOOR_SWEEP_S": "0.2",
    "GEMBA_METRICS_UPDATE_S": "1",
    "GEMBA_CAMERA_SUPERVISION": "false",
}
START = datetime(2025, 1, 15, 8, 35, 42, tzinfo=UTC).timestamp()
INSIDE, OUTSIDE, IN_Z2 = (200.0, 200.0), (350.0, 200.0), (500.0, 200.0)


@dataclass
class Running:
    """One tracking service and how to call it."""

    url: str
    issuer: Issuer
    nats: Nats
    log: Path
    environment: dict[str, str] = field(default_factory=dict)

    def client(self, role: str, **claims: Any) -> httpx.AsyncClient:
        """A client that calls as this role."""
        return self.issuer.client(self.url, role, **claims)


Make = Callable[..., Running]


@pytest.fixture(scope="package")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server."""
    server = Postgres()
    server.start()
    yield server
    server.close()


@pytest.fixture(scope="package")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nats]:
    """A NATS server."""
    server = Nats(tmp_path_factory.mktemp("nats"))
    server.start()
    yield server
    server.close()


@pytest.fixture(scope="package")
def issuer() -> Iterator[Issuer]:
    """The keys by which callers are known."""
    issuer = Issuer()
    issuer.start()
    yield issuer
    issuer.close()


def launched(
    stack: ExitStack, folder: Path, *, servers: tuple[Postgres, Nats, Issuer], **settings: str
) -> Running:
    """A service of its own, with a database of its own."""
    postgres, nats, issuer = servers
    port = free_port()
    environment = {
        "GEMBA_DATABASE_URL": postgres.migrated("tracking"),
        "GEMBA_NATS_URL": nats.url,
        "GEMBA_GATEWAY_URL": issuer.url,
        "GEMBA_DATA_DIR": str(folder / "data"),
        "GEMBA_SERVICE_SECRET": "test",
        "GEMBA_TRACKING_PORT": str(port),
        "PYTHONPATH": str(Path(__file__).parents[1] / "blocking"),
        **QUICK,
        **settings,
    }
    log = folder / "tracking.log"
    stack.enter_context(starting_service("tracking", environment=environment, port=port, log=log))()
    return Running(f"http://127.0.0.1:{port}", issuer, nats, log, environment)


@pytest.fixture(scope="package")
def shared(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, nats: Nats, issuer: Issuer
) -> Iterator[Running]:
    """One service for all tests that need no settings of their own."""
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("tracking")
        yield launched(stack, folder, servers=(postgres, nats, issuer))


@pytest.fixture
def launch(tmp_path: Path, postgres: Postgres, nats: Nats, issuer: Issuer) -> Iterator[Make]:
    """Starts services with settings and a database of their own."""
    with ExitStack() as stack:

        def make(**settings: str) -> Running:
            return launched(stack, tmp_path, servers=(postgres, nats, issuer), **settings)

        yield make


@pytest.fixture(scope="module")
def launch_for_file(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, nats: Nats, issuer: Issuer
) -> Iterator[Make]:
    """Starts services as `launch` does, for all tests of a file."""
    with ExitStack() as stack:

        def make(**settings: str) -> Running:
            folder = tmp_path_factory.mktemp("tracking")
            return launched(stack, folder, servers=(postgres, nats, issuer), **settings)

        yield make


@pytest.fixture
async def admin(shared: Running) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who may do everything."""
    async with shared.client("admin") as client:
        yield client


async def made(client: httpx.AsyncClient, path: str, **fields: Any) -> dict[str, Any]:
    """What a POST made."""
    answer = await client.post(f"/api/v1/{path}", json=fields)
    assert answer.status_code == 201, answer.text
    thing: dict[str, Any] = answer.json()
    return thing


def square(left: float, top: float, size: float = 200) -> list[list[float]]:
    """The corners of a square zone."""
    return [[left, top], [left + size, top], [left + size, top + size], [left, top + size]]


@dataclass
class Floor:
    """A camera of 640x480 with two zones, and frames for it."""

    client: httpx.AsyncClient
    camera_id: str
    z1: str
    z2: str
    frame: int = 0

    async def post(self, frames: list[dict[str, Any]], *, status: int = 202) -> dict[str, Any]:
        """The answer to a batch."""
        answer = await self.client.post(
            "/api/v1/observations", json={"camera_id": self.camera_id, "frames": frames}
        )
        assert answer.status_code == status, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def see(self, frames: list[dict[str, Any]]) -> None:
        """Post any number of frames, in order."""
        for first in range(0, len(frames), 500):
            told = await self.post(frames[first : first + 500])
            assert told["accepted"] == len(frames[first : first + 500]), told

    def at(self, time_s: float, *tracks: dict[str, Any]) -> dict[str, Any]:
        """A frame at so many seconds after START."""
        self.frame += 1
        stamp = datetime.fromtimestamp(START + time_s, UTC).isoformat()
        return {"timestamp": stamp, "frame_id": self.frame, "tracks": list(tracks)}

    def stay(
        self,
        places: list[tuple[float, tuple[float, float] | None]],
        *,
        start: float = 0,
        fps: float = 2,
        **track: Any,
    ) -> list[dict[str, Any]]:
        """Frames of one person who is for so many seconds at each place; None is nowhere."""
        frames, number = list[dict[str, Any]](), 0
        for seconds, place in places:
            for _ in range(round(seconds * fps)):
                seen = [person(place, **track)] if place is not None else []
                frames.append(self.at(start + number / fps, *seen))
                number += 1
        return frames


def person(foot: tuple[float, float], **track: Any) -> dict[str, Any]:
    """A track whose bottom centre is there."""
    x, y = foot
    box = [x - 20, y - 100, x + 20, y]
    return {"track_id": 1, "bbox": box, "confidence": 0.9, "motion": 0.8, **track}


async def new_floor(client: httpx.AsyncClient, **zone: Any) -> Floor:
    """A camera and two zones of its own."""
    token = secrets.token_hex(3)
    camera_id, z1, z2 = f"CAM-{token}", f"Z1-{token}", f"Z2-{token}"
    await made(
        client,
        "cameras",
        camera_id=camera_id,
        name="North",
        rtsp_url="rtsp://192.168.1.100:554/stream1",
        resolution="640x480",
    )
    fields = {"min_workers": 1, "max_workers": 3, "zone_type": "work_area", **zone}
    for zone_id, left in ((z1, 100), (z2, 400)):
        await made(
            client,
            "zones",
            zone_id=zone_id,
            camera_id=camera_id,
            name=f"Assembly {zone_id}",
            polygon_coords=square(left, 100),
            **fields,
        )
    return Floor(client, camera_id, z1, z2)


@pytest.fixture
async def floor(admin: httpx.AsyncClient) -> Floor:
    """A new camera with two zones."""
    return await new_floor(admin)
