"""Readings stored a second, as ratios to what the same machine can do without us.

- 100 rows a request, against asyncpg's own COPY into the same table in the same run: 8,000 rows a
  transaction, as a plain user would, and as many as our groups have had
- the same rows again (every one a repeat), against the same COPY
- 1 row a request, against a request that is read, authenticated and decoded, and stores nothing: a
  path of the framework, and one that takes a shortcut past it as ours does

`python -m bench.devices_ingest [--rows 240000] [--rounds 4]`. The sender of the requests, the
service and PostgreSQL share the machine's cores; COPY has them for itself and PostgreSQL.
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
from dataclasses import dataclass
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
_CONNECTIONS = 64
_LARGEST_GROUP = 8_000
_SINGLES = 10_000
_LABELS = {
    "copy": "raw COPY of 8,000",
    "like": "raw COPY of as many as our groups have",
    "http": "100 rows a request",
    "again": "the same again",
}
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


@dataclass(frozen=True)
class Copied:
    """Seconds of a COPY: by the clock, and of both sides' CPU."""

    seconds: float
    client_s: float
    postgres_s: float


async def copy(mesh: LocalMesh, series: dict[str, int], rows: range, *, batch: int) -> Copied:
    """asyncpg's COPY of as many rows of other times into the same table, so many a transaction."""
    connection = await asyncpg.connect(mesh.database_url)
    backend = psutil.Process(connection.get_server_pid())
    records = []
    for index in rows:
        metric, value, timestamp = reading(index)
        records.append((series[metric], 1, 3650, 0, timestamp + timedelta(days=1), value))
    columns = ["series_id", "unit_id", "kept_days", "quality", "timestamp", "value"]
    began, spent = time.perf_counter(), (time.process_time(), cpu(backend))
    for at in range(0, len(rows), batch):
        await connection.copy_records_to_table(
            "measurement", schema_name="devices", records=records[at : at + batch], columns=columns
        )
    copied = Copied(
        time.perf_counter() - began, time.process_time() - spent[0], cpu(backend) - spent[1]
    )
    await connection.close()
    return copied


async def run(mesh: LocalMesh, rows: int, rounds: int) -> dict[str, Any]:
    """All comparisons; the first two take turns, as other work on the machine comes and goes."""
    device, series, token = await made(mesh)
    port = int(mesh.url_of("devices").rsplit(":", 1)[1])
    path = f"/api/devices/{device}/measurements"
    warm = [body(range(at, at + 100)) for at in range(rows, rows + 2_000, 100)]
    await asyncio.to_thread(load, port, path, token, warm, connections=8)
    spent = Spent(mesh)
    sums: dict[str, float] = dict.fromkeys(("copy", "like", "http", "again"), 0.0)
    cpus = {name: [0.0, 0.0] for name in sums}
    groups = await committed(mesh)
    per_round = rows // rounds // 100 * 100
    for number in range(rounds):
        part = range(number * per_round, (number + 1) * per_round)
        hundreds = [body(range(at, at + 100)) for at in part[::100]]
        for name in ("http", "again"):
            spent.restart()
            sums[name] += await asyncio.to_thread(
                load, port, path, token, hundreds, connections=_CONNECTIONS
            )
            cpus[name] = [a + b for a, b in zip(cpus[name], spent.seconds(), strict=True)]
            if name == "http":
                rows_a_group = await reached(mesh, since=groups)
        for name, batch, away in (("copy", _LARGEST_GROUP, 0), ("like", rows_a_group, rows)):
            shifted = range(part.start + away, part.stop + away)
            copied = await copy(mesh, series, shifted, batch=batch)
            sums[name] += copied.seconds
            cpus[name] = [cpus[name][0] + copied.client_s, cpus[name][1] + copied.postgres_s]
        groups = await committed(mesh)
    counted = per_round * rounds
    results: dict[str, Any] = {"rows": counted, "rows a transaction, of us": rows_a_group}
    for name, label in _LABELS.items():
        results[f"{label}, rows/s"] = counted / sums[name]
        results[f"{label}: CPU of Python, PostgreSQL, µs/row"] = ", ".join(
            f"{seconds / counted * 1e6:.1f}" for seconds in cpus[name]
        )
    results |= await asyncio.to_thread(one_row, mesh, path, token, start=2 * rows + 10_000)
    database = await asyncpg.connect(mesh.database_url)
    size = await database.fetchval(_SIZE)
    results["bytes a stored row"] = size / await database.fetchval(_STORED)
    await database.close()
    return results


async def made(mesh: LocalMesh) -> tuple[int, dict[str, int], str]:
    """A device to send to, the series of another one to COPY to, and a token of the mesh."""
    async with httpx.AsyncClient(base_url=mesh.url, timeout=60) as client:
        answer = await client.post(
            "/api/v1/auth/login", json={"username": "admin", "password": mesh.admin_password}
        )
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        devices = []
        for name in ("Bench", "Bench COPY"):
            device = (await client.post("/api/devices/", json={"name": name})).json()
            devices.append(int(device["id"]))
            await client.post(
                f"/api/devices/{device['id']}/measurements/",
                json=[{"metric": f"m{i}", "value": 0} for i in range(_METRICS)],
            )
    database = await asyncpg.connect(mesh.database_url)
    found = await database.fetch(
        "SELECT metric, id FROM devices.series WHERE device_id = $1", devices[1]
    )
    await database.close()
    return devices[0], {row["metric"]: row["id"] for row in found}, await mesh_token(mesh)


def one_row(mesh: LocalMesh, path: str, token: str, *, start: int) -> dict[str, float]:
    """One row a request, stored, and only decoded: by the framework and past it."""
    bodies = [body(range(at, at + 1)) for at in range(start, start + _SINGLES)]
    port = int(mesh.url_of("devices").rsplit(":", 1)[1])
    results = {
        "1 row a request, requests/s": _SINGLES / load(port, path, token, bodies, connections=64)
    }
    for name, way in (("decode only", "framework"), ("decode only, by a shortcut", "shortcut")):
        with decoding(mesh, way) as decode_port:
            load(decode_port, path, token, bodies[:200], connections=8)
            seconds = load(decode_port, path, token, bodies, connections=64)
        results[f"{name}, requests/s"] = _SINGLES / seconds
    return results


async def committed(mesh: LocalMesh) -> tuple[float, float]:
    """How many groups the service has committed, and how many rows."""
    async with httpx.AsyncClient() as client:
        text = (await client.get(f"{mesh.url_of('devices')}/metrics")).text
    found = dict(line.rsplit(" ", 1) for line in text.splitlines() if "devices_group_rows_" in line)
    return float(found["devices_group_rows_count"]), float(found["devices_group_rows_sum"])


async def reached(mesh: LocalMesh, *, since: tuple[float, float]) -> int:
    """Rows a transaction since then."""
    count, rows = await committed(mesh)
    return max(1, round((rows - since[1]) / (count - since[0])))


class Spent:
    """CPU seconds of the service and of PostgreSQL, which other work does not change much."""

    def __init__(self, mesh: LocalMesh) -> None:
        self._mesh = mesh
        self.restart()

    def restart(self) -> None:
        """Count from now."""
        self._last = self._now()

    def seconds(self) -> list[float]:
        """Of the service, and of PostgreSQL."""
        return [new - old for new, old in zip(self._now(), self._last, strict=True)]

    def _now(self) -> tuple[float, float]:
        postgres = psutil.Process(self._mesh.pid("postgres") or 0)
        service = psutil.Process(self._mesh.pid("devices"))
        return cpu(service), sum(cpu(child) for child in postgres.children())


def cpu(process: psutil.Process) -> float:
    """CPU seconds so far."""
    times = process.cpu_times()
    return float(times.user + times.system)


@contextmanager
def decoding(mesh: LocalMesh, way: str) -> Iterator[int]:
    """A process that decodes and stores nothing; its port."""
    port = pick(range(24_000, 25_000))
    environment = {**os.environ, "GEMBA_GATEWAY_URL": mesh.url, "GEMBA_LOG_LEVEL": "WARNING"}
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("devices_decode.py")), str(port), way],
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
    parser.add_argument("--rows", type=int, default=240_000)
    parser.add_argument("--rounds", type=int, default=4)
    options = parser.parse_args()
    limits = json.dumps({"rest": "1000000/minute", "telemetry": "1000000/minute"})
    with tempfile.TemporaryDirectory() as folder:
        settings = {"GEMBA_LIMITS": limits, "GEMBA_LOG_LEVEL": "WARNING"}
        with LocalMesh(Path(folder) / "data", settings=settings) as mesh:
            results = asyncio.run(run(mesh, options.rows, options.rounds))
    for name, value in results.items():
        print(f"{name:34} {value:>12,.2f}" if isinstance(value, float) else f"{name:34} {value}")
    report(figures(results))


def figures(results: Mapping[str, Any]) -> list[Figure]:
    """What is compared, out of all that was measured."""
    copied = results["raw COPY of 8,000, rows/s"]
    ours = results["100 rows a request, rows/s"]
    alike = results["raw COPY of as many as our groups have, rows/s"]
    return [
        Figure("devices: rows/s, 100 a request, COPY", ours, "/s", bare=copied, target=">=0.8"),
        Figure("devices: rows/s, 100 a request, COPY of equal groups", ours, "/s", bare=alike),
        Figure(
            "devices: rows/s, every one a repeat, COPY", results["the same again, rows/s"],
            "/s", bare=copied, target=">=0.5",
        ),
        Figure(
            "devices: requests/s, 1 row, decode only", results["1 row a request, requests/s"],
            "/s", bare=results["decode only, requests/s"], target=">=0.6",
        ),
        Figure(
            "devices: requests/s, 1 row, decode by a shortcut",
            results["1 row a request, requests/s"],
            "/s", bare=results["decode only, by a shortcut, requests/s"],
        ),
        Figure("devices: a stored row with its index", results["bytes a stored row"], "bytes"),
    ]  # fmt: skip


if __name__ == "__main__":
    main()
