"""What the gateway costs: over asking the service directly, and over nginx with the same checks.

`python -m bench.gateway [--requests 4000] [--rounds 3]`. The request is a usual one: a device read
by its id, with a token. nginx runs one worker and asks a Python process that does the gateway's own
checks (route, caller, limit, token exchange) by `auth_request`; the gateway is one process.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from statistics import median
from typing import Final

import httpx
import psutil

from bench.cluster_sockets import RATE, BareServer, Crowd
from bench.devices_ingest import mesh_token
from bench.figures import Figure, report
from bench.http_load import Plan, Sent, send
from bench.load.site import SETTINGS
from bench.nginx import Rival, rival
from gemba_local.mesh import LocalMesh
from gemba_local.ports import pick

_CONNECTIONS: Final = 32
_CLIENTS: Final = 200
_SOCKET_S: Final = 8


@dataclass(frozen=True)
class Way:
    """One way to the service: where it begins, and the processes that it costs."""

    port: int
    token: str
    processes: list[psutil.Process] = field(default_factory=list)

    def cpu_s(self) -> float:
        """CPU seconds of these processes so far."""
        times = [process.cpu_times() for process in self.processes]
        return float(sum(one.user + one.system for one in times))


@dataclass(frozen=True)
class Round:
    """One way, once: requests a second and CPU at many connections, p50 at one."""

    rate: float
    cpu_us: float
    p50_ms: float


def measured(way: Way, path: str, *, requests: int) -> Round:
    """Both loads over one way."""

    def load(connections: int, count: int) -> Sent:
        return send(
            Plan(way.port, path, way.token, connections, count=count, method="GET"), wanted=(200,)
        )

    before = way.cpu_s()
    many = load(_CONNECTIONS, requests)
    cpu_us = (way.cpu_s() - before) / requests * 1e6
    one = load(1, requests // 4)
    return Round(requests / many.seconds, cpu_us, one.p50_ms)


def http_figures(ways: dict[str, Way], path: str, *, requests: int, rounds: int) -> list[Figure]:
    """The three ways in turns, round after round, so that what else runs meets all of them."""
    taken: dict[str, list[Round]] = {name: [] for name in ways}
    for way in ways.values():
        measured(way, path, requests=requests // 4)
    for _ in range(rounds):
        for name, way in ways.items():
            taken[name].append(measured(way, path, requests=requests))
    ours, nginx, direct = taken["gateway"], taken["nginx"], taken["direct"]
    rate, cpu = attrgetter("rate"), attrgetter("cpu_us")
    return [
        _figure("gateway: requests at 32, direct", "req/s", ours, direct, rate, ">=0.65"),
        _figure("gateway: CPU a request, nginx + auth_request", "µs", ours, nginx, cpu, "<=1.2"),
        _added_p50(ours, nginx, direct),
        _figure("gateway: requests at 32, nginx", "req/s", ours, nginx, rate, ""),
    ]  # fmt: skip


def _figure(
    what: str, unit: str, ours: list[Round], bare: list[Round],
    key: Callable[[Round], float], target: str,
) -> Figure:  # fmt: skip
    mine, theirs = [key(one) for one in ours], [key(one) for one in bare]
    ratios = tuple(a / b for a, b in zip(mine, theirs, strict=True))
    return Figure(what, median(mine), unit, bare=median(theirs), target=target, ratios=ratios)


def _added_p50(ours: list[Round], nginx: list[Round], direct: list[Round]) -> Figure:
    """What each way adds to the direct one; of the rounds' medians, since it is a difference."""
    mine, theirs, least = (median(one.p50_ms for one in way) for way in (ours, nginx, direct))
    added = _added(ours, direct), _added(nginx, direct)
    ratios = tuple(a / b for a, b in zip(*added, strict=True) if a > 0 and b > 0)
    is_clear = theirs > least
    return Figure(
        "gateway: added p50 at one connection, nginx's", mine - least, "ms",
        bare=theirs - least if is_clear else None,
        target="<=3" if is_clear else "",
        ratios=ratios if is_clear else (),
    )  # fmt: skip


def _added(through: list[Round], direct: list[Round]) -> list[float]:
    return [a.p50_ms - b.p50_ms for a, b in zip(through, direct, strict=True)]


def socket_figure(ours: Way, nginx: Way, server: BareServer, *, rounds: int) -> Figure:
    """CPU of the gateway and of nginx for passing the same frames to as many clients."""
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for kept, way in zip(taken, (ours, nginx), strict=True):
            plan = {
                "port": way.port, "path": "/ws/tracking", "token": way.token, "clients": _CLIENTS,
            }  # fmt: skip
            crowd = Crowd(plan)
            before = way.cpu_s()
            server.broadcast(_SOCKET_S)
            kept.append((way.cpu_s() - before) / (_CLIENTS * _SOCKET_S * RATE) * 1e6)
            time.sleep(1)
            counts = crowd.counts()
            assert counts["least"] == _SOCKET_S * RATE, counts
    ratios = tuple(a / b for a, b in zip(*taken, strict=True))
    return Figure(
        "gateway: WebSocket CPU a frame, nginx", median(taken[0]), "µs",
        bare=median(taken[1]), target="<=3.5", ratios=ratios,
    )  # fmt: skip


async def prepared(mesh: LocalMesh) -> tuple[str, str]:
    """A user's token, and the path of a device."""
    async with httpx.AsyncClient(base_url=mesh.url, timeout=30) as client:
        credentials = {"username": "admin", "password": mesh.admin_password}
        answer = await client.post("/api/v1/auth/login", json=credentials)
        token = str(answer.json()["access_token"])
        client.headers["Authorization"] = f"Bearer {token}"
        device = (await client.post("/api/devices/", json={"name": "Bench"})).json()
    return token, f"/api/devices/{device['id']}"


def ways(mesh: LocalMesh, other: Rival, token: str) -> dict[str, Way]:
    """Through the gateway, through nginx, and directly."""
    gateway = [psutil.Process(mesh.pid("gateway"))]
    service = _port(mesh.url_of("devices"))
    return {
        "gateway": Way(_port(mesh.url), token, gateway),
        "nginx": Way(other.port, token, [other.worker(), other.check]),
        "direct": Way(service, asyncio.run(mesh_token(mesh))),
    }


def _port(url: str) -> int:
    return int(url.rsplit(":", 1)[1])


def main() -> None:
    """Run against a mesh of its own; a bare WebSocket server stands where tracking would."""
    parser = argparse.ArgumentParser(prog="python -m bench.gateway", description=__doc__)
    parser.add_argument("--requests", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    sockets = pick(range(24_200, 24_300))
    settings = {**SETTINGS, "GEMBA_TRACKING_URL": f"http://127.0.0.1:{sockets}"}
    with (
        BareServer(sockets) as server,
        tempfile.TemporaryDirectory() as folder,
        LocalMesh(Path(folder) / "data", settings=settings) as mesh,
        rival(mesh, service=_port(mesh.url_of("devices")), sockets=sockets) as other,
    ):
        token, path = asyncio.run(prepared(mesh))
        every = ways(mesh, other, token)
        figures = http_figures(every, path, requests=options.requests, rounds=options.rounds)
        nginx_alone = Way(other.port, token, [other.worker()])
        figures.append(socket_figure(every["gateway"], nginx_alone, server, rounds=options.rounds))
    report(figures)


if __name__ == "__main__":
    main()
