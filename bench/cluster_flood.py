"""A log flood: 50,000 lines a second for 10 s, while another service speaks calmly.

`python -m bench.cluster_flood`: first a service that logs so much through the house's own library,
then batches put on the bus past every budget at the source. What counts: every calm line is found,
the store keeps within its budget, and the cluster service's memory stays bounded.
"""

import asyncio
import logging
import secrets
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
import orjson
import psutil
from tests.infrastructure import Issuer, Nats, Postgres, free_port, migrate, starting_service

from common.bus import Bus
from common.logs import configure_logging
from common.membership import Membership
from common.schemas.mesh import LOGS_SUBJECT
from common.settings import ServiceSettings

RATE: Final = 50_000
SECONDS: Final = 10
CALM_PER_S: Final = 20


async def member(service: str, url: str, *, rate: int) -> None:
    """A process of the mesh that logs so many lines a second; prints how many it managed."""
    configure_logging(service)
    settings = ServiceSettings(nats_url=url, data_dir=Path("/tmp"))
    bus = Bus(settings, name=service)
    membership = Membership(settings, bus, service=service, checks={})
    async with bus.running(), membership.running():
        await bus.wait_connected(10)
        written = await asyncio.to_thread(shout, rate)
        await asyncio.sleep(1)
    memory_mb = psutil.Process().memory_info().rss / 2**20
    sys.stdout.write(orjson.dumps({"written": written, "memory_mb": round(memory_mb)}).decode())


def shout(rate: int) -> int:
    """Log so many lines a second; how many there were."""
    log = logging.getLogger("flood")
    began, written = time.monotonic(), 0
    while (elapsed := time.monotonic() - began) < SECONDS:
        if written < elapsed * rate:
            log.info("line %d of a flood", written)
            written += 1
        else:
            time.sleep(0.001)
    return written


async def shower(url: str) -> int:
    """Batches on the bus, past every budget at the source; how many lines."""
    bus = Bus(ServiceSettings(nats_url=url), name="shower")
    line = orjson.dumps({
        "timestamp": datetime.now(UTC).isoformat(), "level": "INFO", "component": "shower",
        "message": "a line of a flood " + "x" * 80, "request_id": None,
    })  # fmt: skip
    batch = b"\n".join([line] * 500)
    sent = 0
    async with bus.running():
        await bus.wait_connected(10)
        began = time.monotonic()
        while (elapsed := time.monotonic() - began) < SECONDS:
            while sent < elapsed * RATE:
                await bus.client.publish(f"{LOGS_SUBJECT}.shower", batch)
                sent += 500
            await asyncio.sleep(0.005)
    return sent


async def run(stack: ExitStack) -> None:
    """Both floods, and what became of the calm lines."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    postgres, nats, issuer = Postgres(), Nats(folder), Issuer()
    for server in (postgres, nats, issuer):
        server.start()
        stack.callback(server.close)
    port = free_port()
    environment = {
        "GEMBA_DATABASE_URL": postgres.database(f"bench_{secrets.token_hex(3)}"),
        "GEMBA_NATS_URL": nats.url,
        "GEMBA_GATEWAY_URL": issuer.url,
        "GEMBA_DATA_DIR": str(folder),
        "GEMBA_CLUSTER_PORT": str(port),
        "GEMBA_LOG_STORE_MB": "16",
    }
    migrate("cluster", environment=environment)
    started = stack.enter_context(
        starting_service("cluster", environment=environment, port=port, log=folder / "log")
    )()
    process = psutil.Process(started.pid)
    async with issuer.client(f"http://127.0.0.1:{port}", "admin") as client:
        spoken = 0
        for name in ("a service of ours", "batches on the bus"):
            before = process.memory_info().rss
            calm = _member("calm", nats.url, CALM_PER_S)
            if name.startswith("a service"):
                told = orjson.loads(_member("flood", nats.url, RATE).communicate()[0])
            else:
                told = {"written": await shower(nats.url)}
            written = orjson.loads((await asyncio.to_thread(calm.communicate))[0])["written"]
            await asyncio.sleep(3)
            grown_mb = (process.memory_info().rss - before) / 2**20
            found = await total(client, component="calm", q="of a flood")
            source = "flood" if name.startswith("a service") else "shower"
            kept = await total(client, component=source)
            spoken += written
            print(f"{name}: {told}; of it kept {kept}; calm lines found {found} of {spoken};")
            print(f"  memory of the cluster service grew by {grown_mb:.0f} MiB")
            assert found == spoken, "calm lines are missing"


async def total(client: httpx.AsyncClient, **query: Any) -> int:
    """How many lines match."""
    body = (await client.get("/logs", params=query)).json()
    return int(body["total"])


def _member(service: str, url: str, rate: int) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "bench.cluster_flood", service, url, str(rate)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def main() -> None:
    """Run the bench, or one of its processes."""
    if len(sys.argv) > 3:
        asyncio.run(member(sys.argv[1], sys.argv[2], rate=int(sys.argv[3])))
        return
    with ExitStack() as stack:
        asyncio.run(run(stack))


if __name__ == "__main__":
    main()
