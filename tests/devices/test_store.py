"""The store by itself: retention, clearing up, back-pressure, units, numbers."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from common.errors import DatabaseUnavailable, RateLimited, Unavailable
from common.pool import Pool
from devices.batch import Batch
from devices.numbers import BadNumber, exact, loads_exact
from devices.readings import GOOD, Reading
from devices.settings import Settings
from devices.store.commit import GroupCommit, Outcome
from devices.store.directory import Directory
from devices.store.partitions import Leaf, Partitions
from devices.store.retention import drop_old_rollups
from devices.store.rollups import Rollups
from devices.store.submission import Submission
from devices.store.writer import Writer
from devices.units import conversion, normalised
from devices.workers import Upkeep
from gemba_local.mesh import LocalMesh
from tests.patience import PATIENCE_S

NOW = datetime.now(UTC)


def readings(count: int, metric: str = "t") -> list[Reading]:
    return [Reading(metric, str(i), "", NOW - timedelta(seconds=i), GOOD) for i in range(count)]


def submission(device_id: int, rows: Sequence[Reading]) -> Submission:
    return Submission(device_id, Batch.of(rows), NOW)


class Store:
    """The parts of the service's store, on the mesh's database."""

    def __init__(self, mesh: LocalMesh, **more: Any) -> None:
        url = mesh.database_url.replace("postgresql://", "postgresql+asyncpg://")
        self.settings = Settings(database_url=SecretStr(url), **more)
        self.pool = Pool(self.settings, application="test", size=6)
        self.directory = Directory(self.settings)
        self.partitions = Partitions()
        self.commit = GroupCommit(self.pool, directory=self.directory, partitions=self.partitions)
        self.upkeep = Upkeep(
            self.settings, pool=self.pool, partitions=self.partitions, directory=self.directory
        )

    async def add(self, device_id: int, rows: Sequence[Reading]) -> Outcome:
        return (await self.commit.commit([submission(device_id, rows)]))[0]

    async def value(self, query: str, *arguments: Any) -> Any:
        async with self.pool.connection() as connection:
            return await connection.fetchval(query, *arguments)


@pytest.fixture
async def database(mesh: LocalMesh) -> AsyncIterator["asyncpg.Connection[Any]"]:
    connection = await asyncpg.connect(mesh.database_url)
    yield connection
    await connection.close()


@pytest.fixture
async def store(mesh: LocalMesh) -> AsyncIterator[Store]:
    made = Store(mesh, metric_retention_days={"short-lived": 2})
    yield made
    await made.pool.close()


_MARKED = """
SELECT count(*) FROM devices.rollup_mark m JOIN devices.series s ON s.id = m.series_id
WHERE s.device_id = $1
"""
_STORED = """
SELECT count(*) FROM devices.measurement m JOIN devices.series s ON s.id = m.series_id
WHERE s.device_id = $1 AND s.metric = $2
"""


async def test_readings_whose_time_is_over_go_with_their_partition(
    store: Store, device: dict[str, Any]
) -> None:
    old = NOW - timedelta(days=3, hours=12)
    rows = [
        Reading("short-lived", "1", "", old, GOOD),
        Reading("short-lived", "2", "", NOW, GOOD),
        Reading("long-lived", "3", "", old, GOOD),
    ]
    assert await store.add(device["id"], rows) == 3
    leaf = Leaf.of(2, old.date())
    assert await store.value("SELECT to_regclass($1)", f"devices_data.{leaf.name}")
    await store.upkeep.tidy()
    assert not await store.value("SELECT to_regclass($1)", f"devices_data.{leaf.name}")
    assert await store.value(_STORED, device["id"], "short-lived") == 1
    assert await store.value(_STORED, device["id"], "long-lived") == 1
    ahead = Leaf.of(2, (NOW + timedelta(days=5)).date())
    assert await store.value("SELECT to_regclass($1)", f"devices_data.{ahead.name}")


async def test_removed_devices_readings_are_cleared_away(
    store: Store, admin: httpx.AsyncClient, device: dict[str, Any]
) -> None:
    await store.add(device["id"], readings(500))
    series = await store.value("SELECT id FROM devices.series WHERE device_id = $1", device["id"])
    await Rollups(store.pool).repair()
    assert (await admin.delete(f"/api/devices/{device['id']}/")).status_code == 204
    await store.upkeep.tidy()
    for table in ("measurement", "five_minute", "hourly", "daily", "rollup_mark", "orphan"):
        query = f"SELECT count(*) FROM devices.{table} WHERE series_id = $1"
        assert await store.value(query, series) == 0


async def test_old_rollups_go_a_few_at_a_time_and_none_that_is_kept(
    store: Store, device: dict[str, Any]
) -> None:
    rows = [
        Reading(metric, "1", "", NOW - timedelta(days=day), GOOD)
        for metric in ("short-lived", "long-lived")
        for day in range(10)
    ]
    await store.add(device["id"], rows)
    while await store.value(_MARKED, device["id"]):
        await Rollups(store.pool).repair()
    query = """
        SELECT s.metric, count(*) FROM devices.daily r JOIN devices.series s ON s.id = r.series_id
        WHERE s.device_id = $1 GROUP BY 1 ORDER BY 1
    """
    async with store.pool.connection() as connection:
        await drop_old_rollups(connection, NOW, at_once=2)
        left = [tuple(row) for row in await connection.fetch(query, device["id"])]
    assert left == [("long-lived", 10), ("short-lived", 3)]


async def test_a_backlog_of_rollups_is_reckoned_piece_by_piece(
    store: Store, device: dict[str, Any]
) -> None:
    rows = [Reading("t", str(hour), "", NOW - timedelta(hours=hour), GOOD) for hour in range(300)]
    await store.add(device["id"], rows)
    rollups = Rollups(store.pool, hours_at_once=2)
    async with asyncio.timeout(PATIENCE_S):
        while await store.value(_MARKED, device["id"]):
            await rollups.repair()
    counted = "SELECT sum(count) FROM devices.{} r JOIN devices.series s ON s.id = r.series_id"
    for table in ("five_minute", "hourly", "daily"):
        query = f"{counted.format(table)} WHERE s.device_id = $1"
        assert await store.value(query, device["id"]) == 300


async def test_a_piece_of_rollups_that_could_not_be_done_is_made_smaller() -> None:
    nowhere = SecretStr("postgresql+asyncpg://nobody@127.0.0.1:9/none")
    pool = Pool(Settings(database_url=nowhere), application="test", size=1)
    rollups = Rollups(pool, hours_at_once=5)
    for left in (1, 1):
        with pytest.raises(DatabaseUnavailable):
            await rollups.repair()
        assert rollups.hours_at_once == left
    await pool.close()


@pytest.mark.parametrize("count", [1, 5000])
async def test_repeats_are_stored_once_whatever_the_size_of_the_group(
    store: Store, device: dict[str, Any], count: int
) -> None:
    for _ in range(3):
        assert await store.add(device["id"], readings(count)) == count
    assert await store.value(_STORED, device["id"], "t") == count


async def test_two_writers_of_the_same_readings_do_not_block_each_other(
    store: Store, device: dict[str, Any]
) -> None:
    rows = readings(3000) + readings(3000, "u")
    turned = list(reversed(rows))
    outcomes = await asyncio.gather(
        *(store.add(device["id"], turned if index % 2 else rows) for index in range(6))
    )
    assert outcomes == [6000] * 6
    assert await store.value(_STORED, device["id"], "t") == 3000


async def test_full_buffer_refuses_and_loses_nothing(store: Store, device: dict[str, Any]) -> None:
    settings = store.settings.model_copy(update={"ingest_buffer_rows": 4000})
    writer = Writer(settings, commit=store.commit, after_commit=lambda stored: None)
    waiting = [asyncio.ensure_future(writer.submit(submission(device["id"], readings(1000))))]
    await asyncio.sleep(0)
    with pytest.raises(RateLimited) as slow_down:
        await writer.submit(submission(device["id"], readings(1)))
    assert slow_down.value.headers["Retry-After"] == "1"
    others = [
        asyncio.ensure_future(writer.submit(submission(-number, readings(1000))))
        for number in (1, 2, 3)
    ]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable) as full:
        await writer.submit(submission(-4, readings(1)))
    assert full.value.headers["Retry-After"] == "1"
    working = asyncio.ensure_future(writer.run())
    assert await waiting[0] == 1000
    refused = await asyncio.gather(*others, return_exceptions=True)
    assert [type(error).__name__ for error in refused] == ["NotFound"] * 3
    assert await writer.submit(submission(device["id"], readings(1))) == 1
    working.cancel()
    with suppress(asyncio.CancelledError):
        await working


async def test_many_senders_are_all_answered(store: Store, device: dict[str, Any]) -> None:
    writer = Writer(store.settings, commit=store.commit, after_commit=lambda stored: None)
    working = asyncio.ensure_future(writer.run())

    async def send(number: int) -> None:
        for turn in range(20):
            rows = readings(1 if number % 3 else 600, f"m{number % 7}-{turn % 2}")
            assert await writer.submit(submission(device["id"], rows)) == len(rows)

    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(*(send(number) for number in range(30)))
    working.cancel()
    with suppress(asyncio.CancelledError):
        await working


async def test_unreachable_database_is_said_to_be_so(device: dict[str, Any]) -> None:
    url = "postgresql+asyncpg://nobody@127.0.0.1:9/none"
    settings = Settings(database_url=SecretStr(url))
    pool = Pool(settings, application="test", size=1)
    commit = GroupCommit(pool, directory=Directory(settings), partitions=Partitions())
    with pytest.raises(DatabaseUnavailable):
        await commit.commit([submission(1, readings(1))])


@given(st.decimals(-(10**10), 10**10, places=12, allow_nan=False))
def test_numbers_are_exact_however_they_are_written(number: Decimal) -> None:
    expected = number.quantize(Decimal("1e-10"))
    for written in (f"{number:f}", f'"{number}"', f"{number:E}"):
        value = loads_exact(b"[%s]" % written.encode())[0]
        if abs(expected) >= 10**10:
            with pytest.raises(BadNumber):
                exact(value)
        elif isinstance(value, float):
            assert Decimal(exact(value)) == pytest.approx(expected, rel=Decimal("1e-15"))
        else:
            assert Decimal(exact(value)) == expected


@given(st.floats(-1e9, 1e9))
def test_short_floats_are_what_was_written(value: float) -> None:
    written = Decimal(repr(value)).quantize(Decimal("1e-10"))
    assert Decimal(exact(value)) == written


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(1, 4000))
def test_day_lies_in_its_leaf_and_the_name_leads_back(day: date, kept_days: int) -> None:
    leaf = Leaf.of(kept_days, day)
    assert leaf.start.date() <= day < leaf.end.date()
    assert Leaf.named(leaf.name) == leaf
    assert not leaf.is_over(leaf.end + timedelta(days=kept_days) - timedelta(seconds=1))
    assert leaf.is_over(leaf.end + timedelta(days=kept_days))


def test_units_are_spelled_one_way_and_converted_when_they_can_be() -> None:
    assert {normalised(u) for u in ("C", "Cel", " celsius", "°C", "℃")} == {"°C"}
    assert normalised("widgets") == "widgets"
    factor, shift = conversion("°F", "°C") or (Decimal(0), Decimal(0))
    assert round(212 * factor + shift, 9) == 100
    assert conversion("K", "°C") == (Decimal(1), Decimal("-273.15"))
    assert conversion("", "bar") == (Decimal(1), Decimal(0))
    assert conversion("m", "kg") is None
