"""Readings stored a second, as ratios to what the same machine can do without us.

- 100 rows a request, against asyncpg's own COPY into the same table in the same run
- the same rows again (every one a repeat), against the same COPY
- 1 row a request, against a request that is read, authenticated and decoded, and stores nothing

`python -m bench.devices_ingest [--rows 200000]`.
"""

import argparse
import asyncio
import hashlib
import hmac
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import psutil

from bench.figures import Figure, report
from bench.http_load import Plan, send
from gemba_local.mesh import LocalMesh
from gemba_local.ports import pick

_START = datetime.now(UTC).replace(microsecond=0) - timedelta(days=2)
_METRICS = 10
_STORED = "SELECT count(*) FROM devices.measurement"
_SIZE = """
SELECT sum(pg_total_relation_size(relid))::float
FROM pg_partition_tree('devices.measurement') WHERE isleaf
"""


def reading(index: int) -> tuple[str, Decimal, datetime]:
    """The reading of this index: each is another one."""
    return (
        f"m{index % _METRICS}",
        Decimal(index % 10_000) / 8,
        _START + timedelta(milliseconds=index),
    )


def body(indexes: range) -> str:
    """The list form of these readings."""
    rows = []
    for index in indexes:
        metric, value, timestamp = reading(index)
        rows.append(
            {"metric": metric, "value": float(value), "unit": "°C",
             "timestamp": timestamp.isoformat()}
        )  # fmt: skip
    return json.dumps(rows if len(rows) > 1 else rows[0], ensure_ascii=False)


def load(port: int, path: str, token: str, bodies: list[str], *, connections: int) -> float:
    """Send these bodies; the seconds that it took."""
    return send(Plan(port, path, token, connections, bodies)).seconds


async def copy(mesh: LocalMesh, series: dict[str, int], rows: int, *, batch: int) -> float:
    """asyncpg's COPY of as many rows of other times into the same table; the seconds."""
    connection = await asyncpg.connect(mesh.database_url)
    records = []
    for index in range(rows):
        metric, value, timestamp = reading(index)
        records.append((series[metric], 1, 3650, 0, timestamp + timedelta(days=1), value))
    columns = ["series_id", "unit_id", "kept_days", "quality", "timestamp", "value"]
    began = time.perf_counter()
    for at in range(0, rows, batch):
        await connection.copy_records_to_table(
            "measurement", schema_name="devices", records=records[at : at + batch], columns=columns
        )
    seconds = time.perf_counter() - began
    await connection.close()
    return seconds


async def run(mesh: LocalMesh, rows: int) -> dict[str, Any]:
    """All three measurements."""
    async with httpx.AsyncClient(base_url=mesh.url, timeout=60) as client:
        answer = await client.post(
            "/api/v1/auth/login", json={"username": "admin", "password": mesh.admin_password}
        )
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        device = (await client.post("/api/devices/", json={"name": "Bench"})).json()
        await client.post(
            f"/api/devices/{device['id']}/measurements/",
            json=[{"metric": f"m{i}", "value": 0} for i in range(_METRICS)],
        )
        other = (await client.post("/api/devices/", json={"name": "Bench COPY"})).json()
        await client.post(
            f"/api/devices/{other['id']}/measurements/",
            json=[{"metric": f"m{i}", "value": 0} for i in range(_METRICS)],
        )
    token = await mesh_token(mesh)
    database = await asyncpg.connect(mesh.database_url)
    found = await database.fetch(
        "SELECT metric, id FROM devices.series WHERE device_id = $1", other["id"]
    )
    series = {row["metric"]: row["id"] for row in found}
    port = int(mesh.url_of("devices").rsplit(":", 1)[1])
    path = f"/api/devices/{device['id']}/measurements"
    hundreds = [body(range(at, at + 100)) for at in range(0, rows, 100)]
    warm = [body(range(at, at + 100)) for at in range(rows, rows + 2_000, 100)]
    await asyncio.to_thread(load, port, path, token, warm, connections=8)
    results: dict[str, Any] = {"rows": rows}
    spent = Spent(mesh)
    raw_s = await copy(mesh, series, rows, batch=8_000)
    results["raw COPY of 8,000, rows/s"] = rows / raw_s
    results["raw COPY: CPU of client, PostgreSQL, µs/row"] = spent.per(rows, own=True)
    http_s = await asyncio.to_thread(load, port, path, token, hundreds, connections=32)
    results["100 rows a request, rows/s"] = rows / http_s
    results["100 rows: CPU of service, PostgreSQL, µs/row"] = spent.per(rows, own=False)
    again_s = await asyncio.to_thread(load, port, path, token, hundreds, connections=32)
    results["the same again, rows/s"] = rows / again_s
    results["ratio to COPY (wants 0.8)"] = raw_s / http_s
    results["repeats to COPY (wants 0.5)"] = raw_s / again_s
    count = 10_000
    single = [body(range(at, at + 1)) for at in range(rows + 10_000, rows + 10_000 + count)]
    one_s = await asyncio.to_thread(load, port, path, token, single, connections=64)
    results["1 row a request, requests/s"] = count / one_s
    with decoding(mesh) as decode_port:
        await asyncio.to_thread(load, decode_port, path, token, warm, connections=8)
        decode_s = await asyncio.to_thread(load, decode_port, path, token, single, connections=64)
    results["decode only, requests/s"] = count / decode_s
    results["ratio to decoding (wants 0.6)"] = decode_s / one_s
    size = await database.fetchval(_SIZE)
    results["bytes a stored row"] = size / await database.fetchval(_STORED)
    await database.close()
    return results


class Spent:
    """CPU seconds of the processes that store, which other work on the machine does not change."""

    def __init__(self, mesh: LocalMesh) -> None:
        self._mesh = mesh
        self._last = self._now()

    def per(self, rows: int, *, own: bool) -> str:
        """Microseconds a row since the last call: of us or of the service, and of PostgreSQL."""
        now = self._now()
        service, postgres, we = (
            (new - old) / rows * 1e6 for new, old in zip(now, self._last, strict=True)
        )
        self._last = now
        return f"{we if own else service:.1f}, {postgres:.1f}"

    def _now(self) -> tuple[float, float, float]:
        postgres = self._mesh.pid("postgres") or 0
        children = psutil.Process(postgres).children()
        return (
            _cpu(psutil.Process(self._mesh.pid("devices"))),
            sum(_cpu(child) for child in children),
            time.process_time(),
        )


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


@contextmanager
def decoding(mesh: LocalMesh) -> Iterator[int]:
    """A process that decodes and stores nothing; its port."""
    port = pick(range(24_000, 25_000))
    environment = {**os.environ, "GEMBA_GATEWAY_URL": mesh.url, "GEMBA_LOG_LEVEL": "WARNING"}
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("devices_decode.py")), str(port)],
        env=environment,
    )
    try:
        while True:
            try:
                httpx.get(f"http://127.0.0.1:{port}/healthz")
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait()


async def mesh_token(mesh: LocalMesh) -> str:
    """A token of the mesh, as the gateway forwards it."""
    secret = hmac.new(mesh.secret("mesh_secret").encode(), b"cluster", hashlib.sha256).hexdigest()
    async with httpx.AsyncClient() as client:
        answer = await client.post(
            f"{mesh.url}/internal/service-token", json={"service": "cluster", "secret": secret}
        )
    return str(answer.json()["access_token"])


def main() -> None:
    """Run against a mesh of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    options = parser.parse_args()
    limits = json.dumps({"rest": "1000000/minute", "telemetry": "1000000/minute"})
    with tempfile.TemporaryDirectory() as folder:
        settings = {"GEMBA_LIMITS": limits, "GEMBA_LOG_LEVEL": "WARNING"}
        with LocalMesh(Path(folder) / "data", settings=settings) as mesh:
            results = asyncio.run(run(mesh, options.rows))
    for name, value in results.items():
        print(f"{name:34} {value:>12,.2f}" if isinstance(value, float) else f"{name:34} {value}")
    report(figures(results))


def figures(results: Mapping[str, Any]) -> list[Figure]:
    """What is compared, out of all that was measured."""
    copied = results["raw COPY of 8,000, rows/s"]
    return [
        Figure(
            "devices: rows/s, 100 a request, COPY", results["100 rows a request, rows/s"],
            "/s", bare=copied, target=">=0.8",
        ),
        Figure(
            "devices: rows/s, every one a repeat, COPY", results["the same again, rows/s"],
            "/s", bare=copied, target=">=0.5",
        ),
        Figure(
            "devices: requests/s, 1 row, decode only", results["1 row a request, requests/s"],
            "/s", bare=results["decode only, requests/s"], target=">=0.6",
        ),
        Figure("devices: a stored row with its index", results["bytes a stored row"], "bytes"),
    ]  # fmt: skip


if __name__ == "__main__":
    main()
