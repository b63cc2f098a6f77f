"""What only goes on from what is known is stored without locks, and nothing is lost by it."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import nats
import pytest
from nats.aio.client import Client
from nats.js.api import StreamConfig
from prometheus_client.parser import text_string_to_metric_families

from common.errors import Unavailable
from common.mailboxes import MQTT_STREAM, PRINTERS, ensure_mailboxes
from common.pool import Pool
from common.turns import Turns
from printers.repository.at_once import Change, Seen, save, seen_of
from printers.settings import Settings
from tests.callers import calling
from tests.infrastructure import Nats, Postgres
from tests.patience import PATIENCE_S, eventually
from tests.printers.conftest import Make, Owner, Running, enqueue, register
from tests.printers.test_streams import read, watching

ENGLISH = {"Accept-Language": "en"}


async def begun(owner: Owner, admin: httpx.AsyncClient) -> int:
    """A print that is under way: whatever only follows it is stored at once."""
    job_id = await owner.start(await enqueue(admin))
    await owner.update(
        job_id, status="printing", progress=10, metrics={"print_time_remaining_seconds": 600}
    )
    return job_id


async def test_an_update_is_answered_alike_on_both_ways(
    owner: Owner, admin: httpx.AsyncClient
) -> None:
    job_id = await begun(owner, admin)
    body = {
        "printer_id": owner.printer_id,
        "print_status_id": job_id,
        "message": "Camada 2 concluída",
        "metrics": {"hotend_temp": 210.5},
    }
    headers = {**ENGLISH, "X-API-Key": owner.api_key, "Content-Type": "application/json"}

    async def in_pieces() -> AsyncIterator[bytes]:
        yield json.dumps(body).encode()

    long = await owner.client.post("/api/status/update", content=in_pieces(), headers=headers)
    short = await owner.client.post("/api/status/update", json=body, headers=headers)
    for answer in (long, short):
        assert answer.status_code == 200, answer.text
        assert answer.headers["X-Gemba-Verified"] == f"printer:{owner.printer_id}"
        assert answer.headers["Content-Type"] == "application/json"
    first, second = long.json(), short.json()
    assert first["message"] == second["message"] == "Status updated"
    moving = (
        "last_updated", "last_updated_utc", "printing_seconds", "job_age_seconds",
        "estimated_completion", "estimated_completion_utc",
    )  # fmt: skip
    for state in (first["current_status"], second["current_status"]):
        for name in moving:
            assert state.pop(name) is not None
    assert first == second


async def test_no_update_of_many_at_once_is_lost_from_the_history(
    owner: Owner, admin: httpx.AsyncClient
) -> None:
    job_id = await begun(owner, admin)
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=2)
    await asyncio.gather(
        *(
            owner.update(
                job_id,
                progress=10 + second,
                metrics={"current_layer": second},
                timestamp=(at + timedelta(seconds=second)).isoformat(),
            )
            for second in sorted(range(60), key=lambda _: secrets.randbits(16))
        )
    )
    state = (await admin.get(f"/api/status/{job_id}")).json()
    assert (state["progress_percentage"], state["metrics"]["current_layer"]) == (69, 59)
    history = (await admin.get(f"/api/print-jobs/{job_id}/metrics")).json()["points"]
    layers = [point["current_layer"] for point in history if "current_layer" in point]
    assert layers == list(range(60))


async def test_a_replaced_key_opens_nothing_from_then_on(
    owner: Owner, admin: httpx.AsyncClient
) -> None:
    job_id = await begun(owner, admin)
    await owner.update(job_id, progress=11)
    fresh = (await admin.post(f"/api/printers/{owner.printer_id}/rotate-key")).json()["api_key"]
    refused = await owner.post("update", print_status_id=job_id, progress=12)
    assert refused.status_code == 401
    owner.api_key = fresh
    assert (await owner.update(job_id, progress=13))["progress_percentage"] == 13


async def test_a_nul_in_a_text_is_refused_on_the_short_way_too(
    owner: Owner, admin: httpx.AsyncClient
) -> None:
    job_id = await begun(owner, admin)
    for text in ("a\x00b", "\ud800"):
        body = {"print_status_id": job_id, "message": text, "printer_id": owner.printer_id}
        content = json.dumps({**body, "api_key": owner.api_key}).encode()
        answer = await owner.client.post(
            "/api/status/update", content=content, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 400, answer.text


@pytest.fixture(scope="module")
def database_url(postgres: Postgres) -> str:
    """A database with the service's tables and no service."""
    return postgres.migrated("printers")


@asynccontextmanager
async def pool_of(url: str) -> AsyncIterator[Pool]:
    """Connections, closed in the end."""
    pool = Pool(Settings(database_url=url), application="test", size=4)
    try:
        yield pool
    finally:
        await pool.close()


async def _two_printers(pool: Pool) -> dict[str, Seen]:
    names = [f"TWIN-{secrets.token_hex(4)}" for _ in range(2)]
    async with pool.connection() as connection:
        await connection.executemany(
            "INSERT INTO printers.printers (printer_id, name, key_hash) VALUES ($1, $1, 'x')",
            [(name,) for name in names],
        )
        seen = await seen_of(connection, names)
    for one in seen.values():
        one.printer.readings = {"bed_temp": 60}
    return seen


async def _stored(pool: Pool, seen: dict[str, Seen]) -> list[Any]:
    async with pool.connection() as connection:
        found = await seen_of(connection, list(seen))
    return [found[name].printer.readings.get("bed_temp") for name in seen]


async def test_what_somebody_has_changed_meanwhile_is_not_written_over(database_url: str) -> None:
    async with pool_of(database_url) as pool:
        seen = await _two_printers(pool)
        first, second = seen
        async with pool.connection() as connection:
            await connection.execute(
                "UPDATE printers.printers SET location = 'Hall 2' WHERE printer_id = $1", first
            )
            stored = await save(connection, [Change(one) for one in seen.values()])
            assert stored == {second}
            assert await save(connection, [Change(seen[second])]) == set()
        assert await _stored(pool, seen) == [None, 60]


async def test_what_somebody_holds_is_left_out_and_not_waited_for(database_url: str) -> None:
    async with pool_of(database_url) as pool:
        seen = await _two_printers(pool)
        first, second = seen
        async with pool.transaction() as holding, pool.connection() as connection:
            await holding.execute(
                "SELECT FROM printers.printers WHERE printer_id = $1 FOR NO KEY UPDATE", first
            )
            async with asyncio.timeout(PATIENCE_S):
                stored = await save(connection, [Change(one) for one in seen.values()])
            assert stored == {second}
        assert await _stored(pool, seen) == [None, 60]


async def test_a_printer_that_sends_too_much_delays_only_itself(
    launch: Make, postgres: Postgres
) -> None:
    address = postgres.migrated("printers")
    running = launch(GEMBA_DATABASE_URL=address)
    holding = await asyncpg.connect(address.replace("+asyncpg", ""))
    async with running.client("admin") as admin, calling(running.url) as client:
        owners = []
        for _ in range(2):
            printer = await register(admin)
            owners.append(Owner(client, printer["printer_id"], printer["api_key"]))
        busy, calm = owners
        busy_job, calm_job = await begun(busy, admin), await begun(calm, admin)
        async with holding.transaction():
            await holding.execute(
                "SELECT FROM printers.printers WHERE printer_id = $1 FOR UPDATE", busy.printer_id
            )
            # More than there are connections; each waits for what is held.
            flood = [
                asyncio.create_task(busy.update(busy_job, progress=20 + number))
                for number in range(30)
            ]
            for status in ("paused", "printing", "paused", "printing"):
                state = await calm.update(calm_job, status=status)
                assert state["status"] == status
            impostor = Owner(client, busy.printer_id, "prn_wrong")
            refused = await impostor.post("update", print_status_id=busy_job, progress=99)
            assert refused.status_code == 401
            assert not any(task.done() for task in flood)
        states = await asyncio.gather(*flood)
        assert max(state["progress_percentage"] for state in states) == 49
    await holding.close()


async def test_who_waits_for_a_turn_that_does_not_come_is_told() -> None:
    turns = Turns(patience_s=0.01)
    async with turns.of("one"), turns.of("another"):
        with pytest.raises(Unavailable):
            async with turns.of("one"):
                pass
    async with turns.of("one"):
        pass


Alone = Callable[..., Running]


@pytest.fixture
def alone(tmp_path: Path, launch: Make) -> Iterator[Alone]:
    """Starts a service that shares its NATS, and so its printers' messages, with no other."""
    server = Nats(tmp_path)
    server.start()
    yield lambda **settings: replace(launch(GEMBA_NATS_URL=server.url, **settings), nats=server)
    server.close()


class Farm:
    """Printers whose plug-ins publish; below their own subjects, as the MQTT door has them."""

    def __init__(self, bus: Client, admin: httpx.AsyncClient) -> None:
        self._bus = bus
        self._admin = admin
        self.printer_ids: list[str] = []

    async def add(self, count: int) -> None:
        """Register printers."""
        for _ in range(count):
            printer = await register(self._admin, driver="mqtt")
            self.printer_ids.append(printer["printer_id"])

    async def say(self, printer_id: str, topic: str, body: dict[str, Any]) -> None:
        """One message of QoS 0."""
        subject = f"gemba.printers.{printer_id}.octoPrint.{topic.replace('/', '.')}"
        await self._bus.publish(subject, json.dumps(body).encode())

    async def warm(self, temp: float) -> None:
        """A temperature of each printer."""
        for printer_id in self.printer_ids:
            await self.say(printer_id, "temperature/tool0", {"actual": temp, "target": 210})

    async def shown(self, printer_id: str) -> dict[str, Any]:
        """The printer as users see it."""
        shown: dict[str, Any] = (await self._admin.get(f"/api/printers/{printer_id}")).json()
        return shown

    async def has_temp(self, temp: float) -> bool:
        """True when every printer shows this temperature."""
        shown = [await self.shown(printer_id) for printer_id in self.printer_ids]
        return all(one["readings"].get("hotend_temp") == temp for one in shown)

    async def counted(self, name: str, **labels: str) -> float:
        """One of the service's metrics."""
        text = (await self._admin.get("/metrics")).text
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )


@asynccontextmanager
async def farm_of(running: Running, *, count: int) -> AsyncIterator[Farm]:
    """A farm of so many printers."""
    bus = await nats.connect(running.nats.url)
    try:
        async with running.client("admin") as admin:
            farm = Farm(bus, admin)
            await farm.add(count)
            yield farm
    finally:
        await bus.close()


async def test_temperatures_of_many_printers_are_stored_together_and_seen(alone: Alone) -> None:
    running = alone(GEMBA_PRINTER_MQTT_REPORT_S="1")
    async with farm_of(running, count=40) as farm:
        await farm.warm(20)
        await eventually(lambda: farm.has_temp(20), what="the first temperature")
        writes = await farm.counted("printer_update_seconds_count")
        async with watching(running) as socket:
            await socket.recv()
            await farm.warm(200)
            events = [await read(socket, "printer_readings", name) for name in farm.printer_ids[:1]]
        assert events[0]["data"]["readings"]["hotend_temp"] == 200
        await eventually(lambda: farm.has_temp(200), what="the second temperature")
        assert await farm.counted("printer_updates_total", source="mqtt") >= 80
        assert await farm.counted("printer_update_seconds_count") - writes <= 20
        assert await farm.counted("printer_mqtt_messages_total", outcome="stored") == 80


async def test_each_printers_messages_keep_their_order(shared: Running) -> None:
    async with farm_of(shared, count=12) as farm:
        for printer_id in farm.printer_ids:
            name = {"name": "dragon.gcode", "path": "dragon.gcode", "origin": "local"}
            await farm.say(printer_id, "event/PrintStarted", name)
            for percent in range(1, 100, 7):
                await farm.say(
                    printer_id, "temperature/tool0", {"actual": 200 + percent, "target": 210}
                )
                await farm.say(
                    printer_id,
                    "progress/printing",
                    {"location": "local", "path": "dragon.gcode", "progress": percent},
                )
            await farm.say(printer_id, "event/PrintPaused", name)
            await farm.say(printer_id, "event/PrintResumed", name)
            await farm.say(printer_id, "event/PrintDone", {**name, "time": 300})

        async def are_done() -> bool:
            return all([(await farm.shown(one))["status"] == "idle" for one in farm.printer_ids])

        await eventually(are_done, what="the end of every print")
        async with shared.client("admin") as admin:
            for printer_id in farm.printer_ids:
                query = {"printer_id": printer_id}
                found = (await admin.get("/api/print-jobs", params=query)).json()["results"]
                assert [(job["status"], job["progress_percentage"]) for job in found] == [
                    ("completed", 100)
                ]
                assert found[0]["metrics"]["hotend_temp"] == 299


async def test_kept_messages_are_stored_before_they_would_be_sent_again(alone: Alone) -> None:
    running = alone(GEMBA_PRINTER_MQTT_REPORT_S="60")
    bus = await nats.connect(running.nats.url)
    jetstream = bus.jetstream(timeout=PATIENCE_S)
    # What the MQTT door makes there.
    await jetstream.add_stream(StreamConfig(name=MQTT_STREAM, subjects=["$MQTT.msgs.>"]))
    await ensure_mailboxes(jetstream)
    async with farm_of(running, count=3) as farm:
        for temp in (20, 30, 40):
            for printer_id in farm.printer_ids:
                await jetstream.publish(
                    f"$MQTT.msgs.gemba.printers.{printer_id}.octoPrint.temperature.tool0",
                    json.dumps({"actual": temp, "target": 210}).encode(),
                )

        async def are_settled() -> bool:
            mailbox = await jetstream.consumer_info(MQTT_STREAM, PRINTERS.name)
            assert mailbox.num_redelivered == 0
            return (mailbox.num_pending, mailbox.num_ack_pending) == (0, 0)

        await eventually(are_settled, what="the acknowledgement")
        assert await farm.has_temp(40)
    await bus.close()
