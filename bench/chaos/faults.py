"""What is done to a mesh under load, one fault after the other."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from bench.chaos.disks import SmallDisk
from bench.load.mixed import Mixed

# In the order in which they are killed: edges, workers, services, and what they stand on.
PARTS: Final = (
    "gateway", "mqtt", "orchestrator", "vision-node", "tracking",
    "printers", "devices", "cluster", "nats", "postgres",
)  # fmt: skip
# Longer than a lease lasts by default (30 s): the node's work is taken away from it.
STALL_S: Final = 35.0
_FULL_S: Final = 8.0

Inflict = Callable[[Mixed], Awaitable[float]]


@dataclass(frozen=True)
class Fault:
    """A fault; `inflict` returns the moment from which recovery counts.

    That is when the part was killed; where a fault has a length of its own (a stall, a full
    disk), it is its end.
    """

    name: str
    inflict: Inflict


class Unexpected(Exception):
    """The mesh answered a fault in another way than the contract says."""


def kill(part: str) -> Fault:
    """kill -9 of one process; the runner has to notice by itself."""

    async def inflict(load: Mixed) -> float:
        old = load.site.mesh.kill(part)
        at = time.monotonic()
        await asyncio.to_thread(load.site.mesh.wait_restarted, part, old)
        return at

    return Fault(f"kill -9 {part}", inflict)


async def stall_node(load: Mixed) -> float:
    """The node stops for longer than its lease, and goes on as if nothing had been."""
    load.site.mesh.kill("vision-node", signal.SIGSTOP)
    try:
        await asyncio.sleep(STALL_S)
    finally:
        load.site.mesh.kill("vision-node", signal.SIGCONT)
    return time.monotonic()


async def cut_socket(load: Mixed) -> float:
    """Half a frame, then a reset."""
    load.viewer.cut_in_half()
    return time.monotonic()


async def skew_clock(load: Mixed) -> float:
    """A device whose clock is hours ahead is flagged, one that is days ahead is refused.

    Raises:
        Unexpected: it was not.
    """
    device = await load.site.make("/api/devices/", {"name": f"Skewed {time.time_ns()}"})
    path = f"/api/devices/{device['id']}/measurements/"
    for ahead, wanted in ((timedelta(hours=3), 201), (timedelta(days=3), 400)):
        moment = (datetime.now(UTC) + ahead).isoformat()
        body = {"metric": "load", "value": 1, "timestamp": moment}
        answer = await load.site.http.post(path, json=body)
        if answer.status_code != wanted:
            raise Unexpected(f"a clock {ahead} ahead: {answer.status_code} {answer.text}")
    rows = (await load.site.http.get(path)).json()["results"]
    if [row["quality"] for row in rows] != ["clock-skew"]:
        raise Unexpected(f"a clock 3 hours ahead is stored as {rows}")
    return time.monotonic()


def fill(disk: SmallDisk) -> Fault:
    """A part's disk is full for some seconds."""

    async def inflict(load: Mixed) -> float:
        await asyncio.to_thread(disk.fill)
        try:
            await asyncio.sleep(_FULL_S)
        finally:
            disk.free()
        return time.monotonic()

    return Fault(f"disk full: {disk.part}", inflict)


def faults(disks: list[SmallDisk]) -> Iterator[Fault]:
    """Every fault, once."""
    for part in PARTS:
        yield kill(part)
    yield Fault(f"vision-node stalls {STALL_S:.0f} s", stall_node)
    yield Fault("WebSocket cut in half a frame", cut_socket)
    yield Fault("device clock hours, days ahead", skew_clock)
    for disk in disks:
        yield fill(disk)
