"""Buckets and pages against an independent computation: edges, late data, duplicates, units."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import asyncpg
import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from common.pool import Pool
from devices.settings import Settings
from devices.store.rollups import Rollups
from gemba_local.mesh import LocalMesh
from tests.patience import PATIENCE_S

Reading = tuple[int, int]  # offset in milliseconds from the origin, value in tenths
# Three days around a month's and a day's edge, so that partitions and days are crossed.
ORIGIN = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0) - timedelta(
    days=1, hours=12
)
_SPAN_MS = 60 * 3600 * 1000
_EDGES = [
    minutes * 60_000 + shift
    for hours in range(0, 60, 6)
    for minutes in (hours * 60, hours * 60 + 5)
    for shift in (-1, 0, 1)
]

offsets = st.one_of(st.integers(0, _SPAN_MS), st.sampled_from([e for e in _EDGES if e >= 0]))
readings = st.lists(st.tuples(offsets, st.integers(-9999, 9999)), min_size=1, max_size=60)
buckets = st.sampled_from(
    ["1s", "7s", "60s", "5m", "10m", "1h", "2h", "5h", "1d", "3d", "90m", "36h"]
)
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
probe = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def moment(offset_ms: int) -> datetime:
    return ORIGIN + timedelta(milliseconds=offset_ms)


def stamp(when: datetime) -> str:
    return when.isoformat().replace("+00:00", "Z")


def expected_points(
    kept: set[Reading], seconds: int, start: datetime, end: datetime
) -> dict[int, tuple[Fraction, float, float, int]]:
    """By bucket: mean, min, max, count; reckoned with fractions."""
    groups: dict[int, list[int]] = defaultdict(list)
    for offset, value in kept:
        when = moment(offset)
        if start <= when < end:
            epoch_us = (when - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
            groups[epoch_us // 1_000_000 // seconds * seconds].append(value)
    return {
        bucket: (Fraction(sum(v), len(v) * 10), min(v) / 10, max(v) / 10, len(v))
        for bucket, v in groups.items()
    }


async def post(admin: httpx.AsyncClient, device_id: int, rows: list[Reading]) -> None:
    body = [
        {"metric": "t", "value": f"{value / 10}", "timestamp": stamp(moment(offset))}
        for offset, value in rows
    ]
    response = await admin.post(f"/api/devices/{device_id}/measurements/", json=body)
    assert response.status_code == 201, response.text


async def points_of(admin: httpx.AsyncClient, device_id: int, **parameters: str) -> dict[str, Any]:
    response = await admin.get(
        f"/api/devices/{device_id}/measurements/", params={"metric": "t", **parameters}
    )
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


def epoch(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


@probe
@given(first=readings, late=readings, bucket=buckets, cut=st.tuples(offsets, offsets))
async def test_buckets_are_exact_before_during_and_after_late_data(
    admin: httpx.AsyncClient,
    first: list[Reading],
    late: list[Reading],
    bucket: str,
    cut: tuple[int, int],
) -> None:
    device = (await admin.post("/api/devices/", json={"name": "Aggregate"})).json()
    seconds = int(bucket[:-1]) * SECONDS[bucket[-1]]
    start, end = moment(min(cut)), moment(max(cut))
    await post(admin, device["id"], first + first[:3])
    for rows in ([], late, late):
        if rows:
            await post(admin, device["id"], rows)
        kept = set(first) | set(rows)
        body = await points_of(
            admin, device["id"], bucket=bucket, start=stamp(start), end=stamp(end)
        )
        expected = expected_points(kept, seconds, start, end)
        assert [epoch(p["bucket"]) for p in body["points"]] == sorted(expected)
        for point in body["points"]:
            mean, low, high, count = expected[epoch(point["bucket"])]
            assert point["mean"] == pytest.approx(float(mean), abs=1e-9)
            assert (point["min"], point["max"], point["count"]) == (low, high, count)
        page = await points_of(admin, device["id"], start=stamp(start), end=stamp(end))
        assert page["count"] == sum(point[3] for point in expected.values())


@probe
@given(rows=readings, width=st.integers(1, 200))
async def test_width_keeps_every_reading_in_at_most_so_many_points(
    admin: httpx.AsyncClient, rows: list[Reading], width: int
) -> None:
    device = (await admin.post("/api/devices/", json={"name": "Aggregate"})).json()
    await post(admin, device["id"], rows)
    body = await points_of(admin, device["id"], width=str(width))
    points = body["points"]
    assert 1 <= len(points) <= width
    assert sum(point["count"] for point in points) == len(set(rows))
    assert min(point["min"] for point in points) == min(value for _, value in rows) / 10
    assert max(point["max"] for point in points) == max(value for _, value in rows) / 10


async def test_rollups_serve_what_the_readings_say(
    admin: httpx.AsyncClient, mesh: LocalMesh, pool: Pool
) -> None:
    device = (await admin.post("/api/devices/", json={"name": "Aggregate"})).json()
    rows = [(minutes * 60_000, minutes % 500) for minutes in range(0, 60 * 60, 5)]
    await post(admin, device["id"], rows)
    exact = await points_of(admin, device["id"], bucket="1d")
    database = await asyncpg.connect(mesh.database_url)
    await reckon(pool)
    for table in ("five_minute", "hourly", "daily"):
        assert await database.fetchval(
            f"SELECT sum(r.count) FROM devices.{table} r JOIN devices.series s"
            " ON s.id = r.series_id WHERE s.device_id = $1",
            device["id"],
        ) == len(rows)
    await database.close()
    assert await points_of(admin, device["id"], bucket="1d") == exact
    await post(admin, device["id"], [(1, 9999)])
    repaired = await points_of(admin, device["id"], bucket="1d")
    assert repaired["points"][0]["max"] == 999.9
    assert repaired["points"][0]["count"] == exact["points"][0]["count"] + 1


@pytest.fixture
async def pool(mesh: LocalMesh) -> AsyncIterator[Pool]:
    url = mesh.database_url.replace("postgresql://", "postgresql+asyncpg://")
    made = Pool(Settings(database_url=SecretStr(url)), application="test", size=2)
    yield made
    await made.close()


async def reckon(pool: Pool) -> None:
    """Bring the rollups up to date, beside the service's own workers."""
    async with asyncio.timeout(PATIENCE_S), pool.connection() as connection:
        while await connection.fetchval("SELECT count(*) FROM devices.rollup_mark"):
            await Rollups(pool).repair()


@settings(probe, max_examples=8)
@given(first=readings, late=readings, cut=st.tuples(offsets, offsets))
async def test_short_buckets_are_exact_by_rollups_that_late_data_changed(
    admin: httpx.AsyncClient,
    pool: Pool,
    first: list[Reading],
    late: list[Reading],
    cut: tuple[int, int],
) -> None:
    device = (await admin.post("/api/devices/", json={"name": "Aggregate"})).json()
    start, end = moment(min(cut)), moment(max(cut))
    for rows in (first, late, late):
        await post(admin, device["id"], rows)
        await reckon(pool)
        kept = set(first) | (set() if rows is first else set(late))
        for bucket, seconds in (("5m", 300), ("10m", 600), ("90m", 5400)):
            body = await points_of(
                admin, device["id"], bucket=bucket, start=stamp(start), end=stamp(end)
            )
            expected = expected_points(kept, seconds, start, end)
            assert {
                epoch(p["bucket"]): (p["min"], p["max"], p["count"]) for p in body["points"]
            } == {at: point[1:] for at, point in expected.items()}
            for point in body["points"]:
                mean = float(expected[epoch(point["bucket"])][0])
                assert point["mean"] == pytest.approx(mean, abs=1e-9)


async def test_units_of_one_metric_meet_in_the_newest(admin: httpx.AsyncClient) -> None:
    device = (await admin.post("/api/devices/", json={"name": "Aggregate"})).json()
    body = [
        {"metric": "t", "value": 212, "unit": "degF", "timestamp": stamp(moment(0))},
        {"metric": "t", "value": 300, "unit": "celsius", "timestamp": stamp(moment(1))},
    ]
    await admin.post(f"/api/devices/{device['id']}/measurements/", json=body)
    found = await points_of(admin, device["id"], bucket="1d")
    assert found["unit"] == "°C"
    (point,) = found["points"]
    assert (point["min"], point["max"], point["mean"]) == (100.0, 300.0, 200.0)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("bucket=0s", "bucket"),
        ("bucket=abc", "bucket"),
        ("bucket=-5m", "bucket"),
        ("bucket=99999999d", "bucket"),
        ("bucket=1.5h", "bucket"),
        ("width=0", "width"),
        ("width=abc", "width"),
        ("width=99999999999999999999", "width"),
        ("start=yesterday", "start"),
        ("start=2025-01-02T00:00:00Z&end=2025-01-01T00:00:00Z", "end"),
    ],
)
async def test_wrong_query_names_its_parameter(
    admin: httpx.AsyncClient, query: str, field: str
) -> None:
    device = (await admin.post("/api/devices/", json={"name": "Aggregate"})).json()
    response = await admin.get(f"/api/devices/{device['id']}/measurements/?metric=t&{query}")
    assert response.status_code == 400
    assert list(response.json()) == [field]
