"""What 200 cameras at a batch a second ask of one process: `python -m bench.floor_load`.

Figures are ratios, so that they can be compared between machines: the time of a batch in units of
the bare SQL of the same writes, and the process's share of one core. The zone test is beside them.
"""

import asyncio
import random
import statistics
import sys
import tempfile
import time
import timeit
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import aiohttp
import asyncpg
import psutil
from tests.infrastructure import Issuer, Nats, Postgres, free_port, migrate, starting_service

from bench.figures import Figure, report
from tracking.floor.advance import areas_of
from tracking.floor.following import Memory, Outlook, follow
from tracking.floor.geometry import Polygon
from tracking.floor.observations import Frame, Identities, Rules, Track, Zone
from tracking.floor.timeline import changed
from tracking.repository import intake

_FRAMES: Final = 5
_PEOPLE: Final = 4
_WARM_UP_S: Final = 10.0


def zone_test_us() -> float:
    """Microseconds to place 20 people in 10 zones, the best of some."""
    chance = random.Random(1)
    zones = []
    for number in range(10):
        x, y = (number % 5) * 380, (number // 5) * 540
        shape = ((10, 10), (300, 30), (360, 300), (200, 500), (30, 400), (5, 200))
        zones.append(Zone(f"Z{number}", Polygon(tuple((x + dx, y + dy) for dx, dy in shape))))
    areas = areas_of(zones, Rules())
    feet = [(chance.uniform(0, 1920), chance.uniform(0, 1080)) for _ in range(20)]
    runs = timeit.repeat(lambda: [areas.holding(foot) for foot in feet], number=1000, repeat=9)
    return min(runs) * 1000


def _tracks(second: float, camera: int) -> list[dict[str, Any]]:
    return [
        {
            "track_id": number,
            "bbox": [100.0 + 300 * number, 200.0, 160.0 + 300 * number, 400.0],
            "confidence": 0.9,
            "motion": 0.6 if (second // 20 + number + camera) % 3 else 0.02,
        }
        for number in range(_PEOPLE)
    ]


async def _add(http: aiohttp.ClientSession, number: int) -> None:
    body: dict[str, Any] = {
        "camera_id": f"CAM{number}",
        "name": f"Camera {number}",
        "rtsp_url": "rtsp://10.0.0.1/",
    }
    async with http.post("/api/v1/cameras", json=body) as answer:
        answer.raise_for_status()
    for zone in range(3):
        left = 50 + 600 * zone
        body = {
            "zone_id": f"Z{number}-{zone}",
            "camera_id": f"CAM{number}",
            "name": f"Zone {zone}",
            "polygon_coords": [[left, 100], [left + 500, 100], [left + 500, 900], [left, 900]],
        }
        async with http.post("/api/v1/zones", json=body) as answer:
            answer.raise_for_status()


async def _taken(http: aiohttp.ClientSession, body: dict[str, Any]) -> bool:
    """False where the service is too busy: a node tries again too, and its time counts."""
    async with http.post("/api/v1/observations", json=body) as answer:
        assert answer.status in (202, 503), await answer.text()
        return answer.status == 202


async def _camera(
    http: aiohttp.ClientSession, number: int, times: list[float], until: float
) -> None:
    start = time.monotonic() + random.random()
    stamp, second = datetime.now(UTC).timestamp(), 0
    while time.monotonic() < until:
        await asyncio.sleep(max(0.0, start + second - time.monotonic()))
        frames = [
            {
                "timestamp": datetime.fromtimestamp(stamp + second + n / _FRAMES, UTC).isoformat(),
                "frame_id": second * _FRAMES + n,
                "tracks": _tracks(second, number),
            }
            for n in range(_FRAMES)
        ]
        began = time.perf_counter()
        body = {"camera_id": f"CAM{number}", "frames": frames}
        while not await _taken(http, body):
            await asyncio.sleep(0.1)
        times.append(time.perf_counter() - began)
        second += 1


async def bare_ms(address: str, rounds: int = 300) -> float:
    """The median of the same writes as plain SQL on one connection, state reckoned beforehand."""
    connection: Any = await asyncpg.connect(address)
    zones = [Zone("Z0-0", Polygon(((50, 100), (1900, 100), (1900, 900), (50, 900))))]
    rules = Rules()
    outlook = Outlook(areas_of(zones, rules), rules, Identities(), {}, {}, lambda _: True)
    memory, times = Memory(), []
    for second in range(rounds):
        rows = [
            [str(t["track_id"]), t["bbox"][0] + 30, t["bbox"][3], t["motion"], None, None]
            for t in _tracks(second, 0)
        ]
        frames = [
            Frame(2e9 + second + n / _FRAMES, tuple(Track(r[0], (r[1], r[2]), r[3]) for r in rows))
            for n in range(_FRAMES)
        ]
        outcome = follow(memory, frames, outlook)
        sessions = changed(memory.state, outcome.memory.state, outcome.events)
        memory = outcome.memory
        stored = [(f"b{second}-{n}", f.time_s, str(rows)) for n, f in enumerate(frames)]
        text, places = memory.as_text(), dict.fromkeys(sessions, intake.Place(None, None))
        began = time.perf_counter()
        async with connection.transaction():
            await intake.locked(connection, "CAM0")
            await intake.keep_frames(connection, "CAM0", stored)
            kept = intake.Kept(memory.state.clock_s, text, sessions, places)
            await intake.save(connection, "CAM0", kept)
        times.append(time.perf_counter() - began)
    await connection.close()
    return statistics.median(times) * 1000


async def bench(
    url: str, token: str, address: str, *, pid: int, cameras: int, span_s: int
) -> list[Figure]:
    """Load the service, then compare."""
    headers = {"Authorization": f"Bearer {token}"}
    connector = aiohttp.TCPConnector(limit=cameras)
    async with aiohttp.ClientSession(url, headers=headers, connector=connector) as http:
        for number in range(cameras):
            await _add(http, number)
        process = psutil.Process(pid)
        times: list[float] = []
        until = time.monotonic() + _WARM_UP_S + span_s

        async def measured() -> float:
            await asyncio.sleep(_WARM_UP_S)
            times.clear()
            before, began = sum(process.cpu_times()[:2]), time.monotonic()
            await asyncio.sleep(span_s - 1)
            return (sum(process.cpu_times()[:2]) - before) / (time.monotonic() - began)

        share, *_ = await asyncio.gather(
            measured(), *(_camera(http, number, times, until) for number in range(cameras))
        )
    assert share is not None, "the service has ended"
    ordered = sorted(times)
    bare = await bare_ms(address)
    median, p99 = ordered[len(ordered) // 2] * 1000, ordered[int(len(ordered) * 0.99)] * 1000
    print(f"{cameras} cameras, {_FRAMES} frames of {_PEOPLE} people a batch, {len(times)} batches")
    what = f"tracking: {cameras} cameras"
    return [
        Figure(f"{what}, share of one core", share, "", target="<=1"),
        Figure(f"{what}, a batch p50, bare SQL", median, "ms", bare=bare),
        Figure(f"{what}, a batch p99", p99, "ms", target="<=250"),
        Figure("tracking: zone test, 20 people × 10 zones", zone_test_us(), "µs", target="<=50"),
    ]


def main() -> None:
    """Start everything, measure, stop."""
    cameras = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    span_s = int(sys.argv[2]) if len(sys.argv) > 2 else 30
    with tempfile.TemporaryDirectory(prefix="gemba-load-") as folder, ExitStack() as stack:
        postgres, nats, issuer = Postgres(), Nats(Path(folder)), Issuer()
        for server in (postgres, nats, issuer):
            server.start()
            stack.callback(server.close)
        port, database = free_port(), postgres.database("floor")
        environment = {
            "GEMBA_DATABASE_URL": database,
            "GEMBA_NATS_URL": nats.url,
            "GEMBA_GATEWAY_URL": issuer.url,
            "GEMBA_SERVICE_SECRET": "bench",
            "GEMBA_TRACKING_PORT": str(port),
            "GEMBA_CAMERA_SUPERVISION": "false",
            "GEMBA_LOG_LEVEL": "WARNING",
        }
        migrate("tracking", environment=environment)
        log = Path(folder) / "tracking.log"
        process = stack.enter_context(
            starting_service("tracking", environment=environment, port=port, log=log)
        )()
        url = f"http://127.0.0.1:{port}"
        address = database.replace("+asyncpg", "")
        token = issuer.token("admin")
        try:
            figures = asyncio.run(
                bench(url, token, address, pid=process.pid, cameras=cameras, span_s=span_s)
            )
        except Exception:
            print(log.read_text()[-2000:], file=sys.stderr)
            raise
    report(figures)


if __name__ == "__main__":
    main()
