"""How near sessions, seconds and alerts come to a known truth: `python -m bench.floor [seeds]`.

Every frame goes through a real service with PostgreSQL; the table says what differs from truth.
"""

import asyncio
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
from tests.infrastructure import Issuer, Nats, Postgres, free_port, migrate, starting_service

from bench import floor_truth as truth

START: Final = datetime(2025, 1, 15, 8, tzinfo=UTC).timestamp()
_BATCH: Final = 120


async def _prepare(client: httpx.AsyncClient, seed: int) -> str:
    camera_id = f"CAM{seed}"
    body: dict[str, Any] = {
        "camera_id": camera_id,
        "name": "Hall",
        "rtsp_url": "rtsp://10.0.0.1/",
        "resolution": "1920x1080",
    }
    (await client.post("/api/v1/cameras", json=body)).raise_for_status()
    for zone in range(truth.ZONES):
        body = {
            "zone_id": f"Z{seed}{zone}",
            "camera_id": camera_id,
            "name": f"Zone {zone}",
            "polygon_coords": truth.corners(zone),
            "min_workers": 1,
            "max_workers": truth.MAX_WORKERS,
        }
        (await client.post("/api/v1/zones", json=body)).raise_for_status()
    return camera_id


async def _send(client: httpx.AsyncClient, camera_id: str, shown: list[dict[str, Any]]) -> None:
    for first in range(0, len(shown), _BATCH):
        frames = [
            {
                "timestamp": datetime.fromtimestamp(START + frame["time_s"], UTC).isoformat(),
                "frame_id": first + place,
                "tracks": frame["tracks"],
            }
            for place, frame in enumerate(shown[first : first + _BATCH])
        ]
        body = {"camera_id": camera_id, "frames": frames}
        (await client.post("/api/v1/observations", json=body)).raise_for_status()


async def _all(client: httpx.AsyncClient, path: str, key: str, **query: Any) -> list[Any]:
    found: list[Any] = []
    while True:
        params = {**query, "limit": 100, "offset": len(found)}
        answer = (await client.get(f"/api/v1/{path}", params=params)).json()
        found += answer[key]
        if len(found) >= answer["total"]:
            return found


async def measured(client: httpx.AsyncClient, seed: int) -> list[tuple[str, float, float]]:
    """What was true and what was found, by name."""
    stays = truth.planned(seed)
    camera_id = await _prepare(client, seed)
    await _send(client, camera_id, truth.frames(stays, seed + 1000))
    known = truth.known(stays)
    sessions, alerts = list[Any](), list[Any]()
    for zone in range(truth.ZONES):
        zone_id = f"Z{seed}{zone}"
        sessions += await _all(client, "sessions", "sessions", zone_id=zone_id)
        alerts += await _all(client, "alerts", "alerts", zone_id=zone_id)
    dark_s = sum(truth.unseen_s(stay) for stay in known)
    rows = [
        ("sessions", len(known), len(sessions)),
        (
            "dwell, s",
            sum(stay.end_s - stay.start_s for stay in known),
            sum(one["duration_seconds"] for one in sessions),
        ),
        ("idle, s", sum(s.idle_s for s in known), sum(o["total_idle_seconds"] for o in sessions)),
        ("unseen, s", dark_s, sum(one["unseen_seconds"] for one in sessions)),
    ]
    for kind, count in truth.alerts(known).items():
        rows.append((kind, count, sum(one["alert_type"] == kind for one in alerts)))
    rows.append(("alerts from unseen time", 0, sum(map(_is_in_the_dark, alerts))))
    return rows


def _is_in_the_dark(alert: Any) -> bool:
    at = datetime.fromisoformat(alert["timestamp"]).timestamp() - START
    # The first frame after the outage may not raise anything either.
    return truth.OUTAGE_S[0] < at <= truth.OUTAGE_S[1] + 1


async def bench(url: str, issuer: Issuer, seeds: int) -> None:
    """Print a table."""
    async with issuer.client(url, "admin") as client:
        client.timeout = httpx.Timeout(120)
        print(f"{'seed':>4} {'what':24} {'truth':>10} {'found':>10} {'error':>8}")
        for seed in range(seeds):
            began = time.perf_counter()
            for name, right, found in await measured(client, seed):
                error = f"{(found - right) / right:+.2%}" if right else f"{found - right:+g}"
                print(f"{seed:4} {name:24} {right:10.0f} {found:10.0f} {error:>8}")
            print(f"     took {time.perf_counter() - began:.0f} s", flush=True)


def main() -> None:
    """Start everything, measure, stop."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    with tempfile.TemporaryDirectory(prefix="gemba-floor-") as folder, ExitStack() as stack:
        postgres, nats, issuer = Postgres(), Nats(Path(folder)), Issuer()
        for server in (postgres, nats, issuer):
            server.start()
            stack.callback(server.close)
        port = free_port()
        environment = {
            "GEMBA_DATABASE_URL": postgres.database("floor"),
            "GEMBA_NATS_URL": nats.url,
            "GEMBA_GATEWAY_URL": issuer.url,
            "GEMBA_SERVICE_SECRET": "bench",
            "GEMBA_TRACKING_PORT": str(port),
            "GEMBA_CAMERA_SUPERVISION": "false",
            "GEMBA_EMBEDDINGS": "false",
        }
        migrate("tracking", environment=environment)
        log = Path(folder) / "tracking.log"
        stack.enter_context(
            starting_service("tracking", environment=environment, port=port, log=log)
        )()
        asyncio.run(bench(f"http://127.0.0.1:{port}", issuer, seeds))


if __name__ == "__main__":
    main()
