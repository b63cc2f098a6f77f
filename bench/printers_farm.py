"""A print farm's load on one process: `python -m bench.printers_farm [printers] [seconds]`.

Every printer sends an update by HTTP each 15 s and two temperatures by MQTT each second (published
where the MQTT door puts them); all begin within the first 15 s, before anything is measured.
Figures are ratios, so that they can be compared between machines: the process's share of one core,
and an update's time in units of the same machine's `/healthz`.
"""

import asyncio
import json
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp
import nats
import psutil
from tests.infrastructure import Issuer, Nats, Postgres, free_port, migrate, starting_service

from bench.figures import Figure, report

_UPDATE_S = 15.0
_WARM_UP_S = 20.0


async def _register(http: aiohttp.ClientSession, admin: dict[str, str], number: int) -> Any:
    body = {"printer_id": f"FARM-{number:04d}", "name": f"Printer {number}", "driver": "mqtt"}
    async with http.post("/api/printers", json=body, headers=admin) as answer:
        printer = await answer.json()
    item = {"product_name": "Dragon", "model_file": "dragon.stl"}
    async with http.post("/api/print-queue", json=item, headers=admin) as answer:
        queue_id = (await answer.json())["id"]
    who = {"printer_id": printer["printer_id"], "api_key": printer["api_key"]}
    async with http.post("/api/status/start", json={**who, "print_queue_id": queue_id}) as answer:
        return {**who, "print_status_id": (await answer.json())["print_status_id"]}


async def _update(http: aiohttp.ClientSession, who: Any, times: list[float], until: float) -> None:
    await asyncio.sleep(random.random() * _UPDATE_S)
    progress = 1.0
    while time.monotonic() < until:
        progress = min(99.0, progress + 0.1)
        body = {
            **who,
            "status": "printing",
            "progress": progress,
            "metrics": {"current_layer": int(progress), "print_time_remaining_seconds": 3600},
        }
        began = time.perf_counter()
        async with http.post("/api/status/update", json=body) as answer:
            assert answer.status == 200, await answer.text()
        times.append(time.perf_counter() - began)
        await asyncio.sleep(_UPDATE_S)


async def _warm(client: Any, who: Any, until: float) -> None:
    root = f"gemba.printers.{who['printer_id']}.octoPrint"
    await asyncio.sleep(random.random() * _UPDATE_S)
    began = {"_event": "PrintStarted", "name": "dragon.gcode"}
    await client.publish(f"{root}.event.PrintStarted", json.dumps(began).encode())
    while time.monotonic() < until:
        for tool, target in (("tool0", 210.0), ("bed", 60.0)):
            body = {"actual": target + random.random(), "target": target}
            await client.publish(f"{root}.temperature.{tool}", json.dumps(body).encode())
        await asyncio.sleep(1)


async def _baseline(http: aiohttp.ClientSession) -> float:
    times = []
    for _ in range(300):
        began = time.perf_counter()
        async with http.get("/healthz") as answer:
            await answer.read()
        times.append(time.perf_counter() - began)
    return sorted(times)[len(times) // 2]


async def _run(
    url: str, nats_url: str, token: str, pid: int, count: int, seconds: float
) -> list[Figure]:
    admin = {"Authorization": f"Bearer {token}"}
    client = await nats.connect(nats_url)
    async with aiohttp.ClientSession(url) as http:
        healthz_s = await _baseline(http)
        everyone = [await _register(http, admin, number) for number in range(count)]
        times: list[float] = []
        until = time.monotonic() + _WARM_UP_S + seconds
        tasks = [
            asyncio.create_task(work)
            for who in everyone
            for work in (_update(http, who, times, until), _warm(client, who, until))
        ]
        process = psutil.Process(pid)
        await asyncio.sleep(_WARM_UP_S)
        times.clear()
        before, began = process.cpu_times(), time.monotonic()
        await asyncio.sleep(seconds)
        after, took = process.cpu_times(), time.monotonic() - began
        measured = sorted(times)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    await client.close()
    cpu = (after.user + after.system - before.user - before.system) / took
    p50, p99 = measured[len(measured) // 2], measured[int(len(measured) * 0.99)]
    memory_mib = process.memory_info().rss / 2**20
    what = f"printers: {count}"
    return [
        Figure(f"{what}, share of one core", cpu, "", target="<=0.5"),
        Figure(f"{what}, update p99", p99 * 1000, "ms", target="<=50"),
        Figure(f"{what}, update p50, /healthz", p50 * 1000, "ms", bare=healthz_s * 1000),
        Figure(f"{what}, memory", memory_mib, "MiB"),
    ]


def main() -> None:
    """Start the servers, load them, print the figures."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 45.0
    folder = Path(tempfile.mkdtemp(prefix="gemba-bench-"))
    postgres, bus, issuer = Postgres(), Nats(folder), Issuer()
    postgres.start()
    bus.start()
    issuer.start()
    port = free_port()
    environment = {
        "GEMBA_DATABASE_URL": postgres.database("farm"),
        "GEMBA_NATS_URL": bus.url,
        "GEMBA_GATEWAY_URL": issuer.url,
        "GEMBA_DATA_DIR": str(folder),
        "GEMBA_SERVICE_SECRET": "bench",
        "GEMBA_PRINTERS_PORT": str(port),
        "GEMBA_LOG_LEVEL": "WARNING",
    }
    migrate("printers", environment=environment)
    try:
        with starting_service(
            "printers", environment=environment, port=port, log=folder / "printers.log"
        ) as started:
            process = started()
            url, token = f"http://127.0.0.1:{port}", issuer.token("admin")
            figures = asyncio.run(_run(url, bus.url, token, process.pid, count, seconds))
    finally:
        issuer.close()
        bus.close()
        postgres.close()
    report(figures)


if __name__ == "__main__":
    main()
