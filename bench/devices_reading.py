"""Reading back out of many rows: detail, newest 100, ranges, and a large CSV in bounded memory.

`python bench/devices_reading.py [--rows 20000000]`; the last line is JSON. Rows are inserted into
the table directly (twenty devices, two metrics each, one a second), then rolled up by the service.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import psutil

from gemba_local.mesh import LocalMesh

_DEVICES = 20
_METRICS = ("temperature", "pressure")
_GENERATE = """
INSERT INTO devices.measurement (series_id, unit_id, kept_days, quality, timestamp, value)
SELECT $1, 1, 3650, 0, $2::timestamptz + n * interval '1 second', (n % 977) / 8.0
FROM generate_series($3::int, $4::int - 1) AS n
"""


async def fill(mesh: LocalMesh, client: httpx.AsyncClient, rows: int) -> list[int]:
    """Devices with so many rows in all."""
    database = await asyncpg.connect(mesh.database_url)
    each = rows // _DEVICES // len(_METRICS)
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=each + 60)
    devices = []
    for number in range(_DEVICES):
        device = (await client.post("/api/devices/", json={"name": f"Bench {number}"})).json()
        devices.append(int(device["id"]))
        body = [
            {"metric": metric, "value": value, "timestamp": moment.isoformat()}
            for metric in _METRICS
            # Beginning and end through the door, so that every partition is there.
            for moment, value in ((start, 0), (start + timedelta(seconds=each / 2), 1),
                                  (start + timedelta(seconds=each), 2))
        ]  # fmt: skip
        answer = await client.post(f"/api/devices/{device['id']}/measurements/", json=body)
        assert answer.status_code == 201, answer.text
    series = "SELECT id FROM devices.series WHERE device_id = ANY($1) ORDER BY id"
    for row in await database.fetch(series, devices):
        for at in range(1, each, 500_000):
            await database.execute(
                _GENERATE, row["id"], start, at, min(at + 500_000, each), timeout=600
            )
    await database.execute(
        "INSERT INTO devices.rollup_mark (series_id, hour) SELECT s.id, h FROM devices.series s,"
        " generate_series(date_trunc('hour', $1::timestamptz), now(), interval '1 hour') AS h",
        start,
        timeout=600,
    )
    async with asyncio.timeout(900):
        while await database.fetchval("SELECT EXISTS (SELECT FROM devices.rollup_mark)"):
            await asyncio.sleep(0.5)
    await database.execute("VACUUM ANALYZE", timeout=900)
    await database.close()
    return devices


async def timed(client: httpx.AsyncClient, paths: list[str]) -> dict[str, float]:
    """Milliseconds of these requests, one after the other."""
    taken = []
    for path in paths:
        began = time.perf_counter()
        answer = await client.get(path)
        taken.append((time.perf_counter() - began) * 1000)
        assert answer.status_code == 200, answer.text
    taken.sort()
    return {
        "p50 ms": round(statistics.median(taken), 2),
        "p99 ms": round(taken[int(len(taken) * 0.99) - 1], 2),
    }


async def export(client: httpx.AsyncClient, mesh: LocalMesh, device_id: int) -> dict[str, Any]:
    """Stream a whole device as CSV; what the service's memory grew by at most."""
    service = psutil.Process(mesh.pid("devices"))
    before, most, lines = service.memory_info().rss, 0, 0
    began = time.perf_counter()
    async with client.stream("GET", f"/api/devices/{device_id}/measurements.csv") as answer:
        async for chunk in answer.aiter_bytes():
            lines += chunk.count(b"\n")
            if lines % 50 == 0:
                most = max(most, service.memory_info().rss)
    seconds = time.perf_counter() - began
    grown = (max(most, service.memory_info().rss) - before) / 2**20
    return {
        "rows": lines - 1,
        "rows/s": int(lines / seconds),
        "service grew by MiB": round(grown, 1),
    }


async def big_export(mesh: LocalMesh, client: httpx.AsyncClient, rows: int) -> int:
    """One more device with one metric of so many rows."""
    database = await asyncpg.connect(mesh.database_url)
    device = (await client.post("/api/devices/", json={"name": "Bench CSV"})).json()
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=rows + 60)
    path = f"/api/devices/{device['id']}/measurements/"
    for day in range(rows // 86_400 + 2):
        moment = min(start + timedelta(days=day), start + timedelta(seconds=rows))
        body = {"metric": "t", "value": -1, "timestamp": moment.isoformat()}
        await client.post(path, json=body)
    series = await database.fetchval(
        "SELECT id FROM devices.series WHERE device_id = $1", device["id"]
    )
    await database.execute(_GENERATE, series, start, 0, rows, timeout=600)
    await database.close()
    return int(device["id"])


async def run(mesh: LocalMesh, rows: int, csv_rows: int) -> dict[str, Any]:
    """Every measurement, at a tenth of the rows' effect as well: how it grows."""
    async with httpx.AsyncClient(base_url=mesh.url, timeout=300) as client:
        answer = await client.post(
            "/api/v1/auth/login", json={"username": "admin", "password": mesh.admin_password}
        )
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        results: dict[str, Any] = {}
        total = 0
        for part in (rows // 10, rows - rows // 10):
            began = time.perf_counter()
            devices = await fill(mesh, client, part)
            total += part
            print(f"{total:,} rows after {time.perf_counter() - began:.0f} s", flush=True)
            shown = [devices[number % len(devices)] for number in range(400)]
            kinds = {
                "detail": "",
                "aggregated-data": "aggregated-data/",
                "latest": "latest/",
                "page": "measurements/?metric=temperature",
                "width=800 over all": "measurements/?metric=temperature&width=800",
                "bucket=1d over all": "measurements/?metric=temperature&bucket=1d",
                "width=800 of an hour": "measurements/?metric=temperature&width=800&start="
                + (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
            for name, rest in kinds.items():
                paths = [f"/api/devices/{device_id}/{rest}" for device_id in shown]
                await timed(client, paths[:40])
                results[f"{name} at {total:,}"] = found = await timed(client, paths)
                print(f"{name} at {total:,}: {found}", flush=True)
        device_id = await big_export(mesh, client, csv_rows)
        results["CSV"] = await export(client, mesh, device_id)
        return results


def main() -> None:
    """Run against a mesh of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--csv-rows", type=int, default=5_000_000)
    options = parser.parse_args()
    limits = json.dumps({"rest": "1000000/minute"})
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalMesh(
            Path(folder) / "data",
            settings={"GEMBA_LIMITS": limits, "GEMBA_LOG_LEVEL": "WARNING"},
        ) as mesh,
    ):
        results = asyncio.run(run(mesh, options.rows, options.csv_rows))
    for name, value in results.items():
        print(f"{name:40} {value}")
    print(json.dumps(results))


if __name__ == "__main__":
    main()
