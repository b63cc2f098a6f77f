"""How fast the queue is emptied: our claim against the barest claim that PostgreSQL can do.

`.venv/bin/python -m bench.queue_claims` starts a PostgreSQL of its own and prints one table. The
bare claim is one UPDATE with SKIP LOCKED in batches of the same size; it knows no machines, no
capacity, no strategies, no evidence, no leases. Ratios are of one run, on one machine.
"""

import asyncio
import time
from typing import Final

import asyncpg
from pydantic import SecretStr
from tests.infrastructure import Postgres, migrate

from bench.figures import Figure, report
from common.bus import Bus
from common.client import MeshClient
from common.db import Database
from orchestrator.events import Events
from orchestrator.repository import queue
from orchestrator.service.dispatch import Claimed, Dispatcher
from orchestrator.settings import Settings

BATCH: Final = 64
MACHINES: Final = 20
CLAIMED: Final = 4096
_RENEWALS: Final = 50
_FILL: Final = """
INSERT INTO orchestrator.inspections
    (id, name, inspection_type, pipeline_config, tool_names, priority, queued_at, rank_at)
SELECT 'ins_' || lpad(to_hex(n), 12, '0'), 'x', 'type_' || n % 5, '{"tools": [{"name": "a"}]}',
       '{a}', 1 + n % 10, now(), now() + make_interval(secs => 300 * (n % 10))
FROM generate_series(1, $1) AS n
"""
_MACHINES: Final = """
INSERT INTO orchestrator.machines
    (id, name, ip_address, port, max_concurrent_inspections, registered_by, status, last_seen_at)
SELECT 'mv_' || n, 'm' || n, '127.0.0.1', 1, 1000, 'bench', 'online', now()
FROM generate_series(1, $1) AS n
"""
_BARE: Final = """
UPDATE orchestrator.inspections SET status = 'assigned', lease_token = 'x', machine_id = 'mv_1'
WHERE id IN (SELECT id FROM orchestrator.inspections
             WHERE status = 'pending' AND queued_at IS NOT NULL
             ORDER BY rank_at, id LIMIT $1 FOR UPDATE SKIP LOCKED)
RETURNING id
"""


async def prepared(address: str, depth: int) -> "asyncpg.Connection[asyncpg.Record]":
    """An empty schema with so many waiting inspections."""
    connection = await asyncpg.connect(address)
    await connection.execute(
        "TRUNCATE orchestrator.inspections, orchestrator.machines, orchestrator.costs CASCADE"
    )
    await connection.execute(_FILL, depth)
    await connection.execute(_MACHINES, MACHINES)
    await connection.execute("VACUUM ANALYZE orchestrator.inspections")
    return connection


async def bare_rate(address: str, depth: int) -> float:
    """Claims a second by the barest statement."""
    connection = await prepared(address, depth)
    began, claimed = time.perf_counter(), 0
    while claimed < CLAIMED:
        claimed += len(await connection.fetch(_BARE, BATCH))
    rate = claimed / (time.perf_counter() - began)
    await connection.close()
    return rate


async def our_rate(
    address: str, settings: Settings, *, depth: int, replicas: int
) -> tuple[float, list[Claimed]]:
    """Claims a second by as many dispatchers at once, each inspection claimed once."""
    await (await prepared(address, depth)).close()
    databases = [Database(settings, application="bench") for _ in range(replicas)]
    client = MeshClient(settings, service="bench")
    events = Events(Bus(settings, name="bench"))
    seen: list[Claimed] = []

    async def empty(database: Database) -> None:
        dispatcher = Dispatcher(settings, database=database, client=client, events=events)
        while len(seen) < CLAIMED:
            seen.extend(await dispatcher.claim(limit=BATCH))

    began = time.perf_counter()
    await asyncio.gather(*(empty(database) for database in databases))
    rate = len(seen) / (time.perf_counter() - began)
    ids = {one.assignment.inspection_id for one in seen}
    assert len(seen) == len(ids), "an inspection was claimed twice"
    for database in databases:
        await database.close()
    await client.close()
    return rate, seen


async def renewal_ms(settings: Settings, claimed: list[Claimed]) -> float:
    """What one heartbeat takes to renew 64 leases, in milliseconds."""
    machine_id = claimed[0].assignment.machine_id
    mine = [one.assignment for one in claimed if one.assignment.machine_id == machine_id]
    held = [(one.inspection_id, one.lease.token) for one in mine[:BATCH]]
    database = Database(settings, application="bench")
    began = time.perf_counter()
    for _ in range(_RENEWALS):
        async with database.transaction() as session:
            renewed = await queue.renew(session, machine_id, held, lease_s=30)
        assert all(row["lease_expires_at"] for row in renewed)
    spent_s = time.perf_counter() - began
    await database.close()
    return 1000 * spent_s / _RENEWALS


async def measure(address: str, settings: Settings) -> list[Figure]:
    """Claims by us and by the barest statement, at two depths, and a heartbeat's renewals."""
    figures: list[Figure] = []
    claimed: list[Claimed] = []
    for depth in (5_000, 100_000):
        bare = await bare_rate(address, depth)
        one, claimed = await our_rate(address, settings, depth=depth, replicas=1)
        two, _ = await our_rate(address, settings, depth=depth, replicas=2)
        what = f"queue: claims, {depth:,} waiting"
        figures.append(Figure(what, one, "/s", bare=bare))
        figures.append(Figure(f"{what}, two at once over one", two, "/s", bare=one))
    _, claimed = await our_rate(address, settings, depth=5_000, replicas=1)
    renewal = await renewal_ms(settings, claimed)
    return [*figures, Figure("queue: one heartbeat renews 64 leases", renewal, "ms")]


def main() -> None:
    """Start a database, measure, erase it."""
    server = Postgres()
    server.start()
    try:
        url = server.database("bench")
        migrate("orchestrator", environment={"GEMBA_DATABASE_URL": url})
        settings = Settings(database_url=SecretStr(url), dispatch_batch=BATCH)
        figures = asyncio.run(measure(url.replace("+asyncpg", ""), settings))
    finally:
        server.close()
    report(figures)


if __name__ == "__main__":
    main()
