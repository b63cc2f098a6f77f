"""Statistics by period and by dates, against attempts whose times are known."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from tests.orchestrator.conftest import Running

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


@pytest.fixture
async def machine(shared: Running, admin: httpx.AsyncClient) -> str:
    """A machine of two slots that did known work on one morning."""
    body = {
        "name": f"MV-{secrets.token_hex(4)}",
        "ip_address": "192.168.1.100",
        "port": 5000,
        "max_concurrent_inspections": 2,
    }
    machine_id = str((await admin.post("/api/v1/machines/", json=body)).json()["id"])
    done = [
        # begun after minutes, leased for minutes, outcome, processing time
        (0, 10, "completed", 1.0),
        (5, 10, "completed", 2.0),
        (55, 20, "completed", 3.0),
        (70, 5, "failed", None),
        (90, 1, "cancelled", None),
        (100, 2, "lease_expired", None),
        (170, 30, "completed", 9.0),
    ]
    await _write(shared, machine_id, done)
    return machine_id


async def _write(shared: Running, machine_id: str, done: list[tuple[Any, ...]]) -> None:
    address = shared.environment["GEMBA_DATABASE_URL"].replace("+asyncpg", "")
    connection = await asyncpg.connect(address)
    try:
        for begun, length, outcome, seconds in done:
            inspection_id = f"ins_{secrets.token_hex(6)}"
            started = START + timedelta(minutes=begun)
            await connection.execute(
                "INSERT INTO orchestrator.inspections (id, name, inspection_type, pipeline_config,"
                " status, completed_at, created_at) VALUES ($1, 'x', 't', '{}', 'failed', $2, $2)",
                inspection_id,
                started,
            )
            await connection.execute(
                "INSERT INTO orchestrator.attempts VALUES ($1, 1, $2, 't', $3, $4, $5, NULL, $6)",
                inspection_id,
                machine_id,
                started,
                started + timedelta(minutes=length),
                outcome,
                seconds,
            )
    finally:
        await connection.close()


async def statistics(client: httpx.AsyncClient, machine_id: str, **asked: str) -> httpx.Response:
    """Ask for a machine's statistics."""
    return await client.get(f"/api/v1/machines/{machine_id}/statistics/", params=asked)


async def test_figures_between_two_dates_are_exact(admin: httpx.AsyncClient, machine: str) -> None:
    answer = await statistics(
        admin, machine, start_date="2026-03-02T08:00:00Z", end_date="2026-03-02T11:00:00Z"
    )
    assert answer.status_code == 200
    found = answer.json()
    assert found["total_inspections"] == 7
    assert found["completed_inspections"] == 4
    assert found["failed_inspections"] == 1
    assert found["cancelled_inspections"] == 1
    assert found["lost_leases"] == 1
    assert found["success_rate"] == 80.0
    assert found["average_processing_time"] == pytest.approx(15 / 4)
    assert found["p95_processing_time"] == pytest.approx(8.1)
    busy_minutes = 10 + 10 + 20 + 5 + 1 + 2 + 10  # the last one reaches over the end
    assert found["utilisation"] == pytest.approx(100 * busy_minutes / (2 * 180), abs=0.01)

    breakdown = found["breakdown"]
    assert found["bucket_seconds"] == 300
    assert len(breakdown) == 36
    assert sum(one["total"] for one in breakdown) == 7
    assert sum(one["completed"] for one in breakdown) == 4
    assert breakdown[0]["start"] == "2026-03-02T08:00:00Z"
    assert breakdown[0]["utilisation"] == 50.0
    assert breakdown[1]["utilisation"] == 100.0
    assert breakdown[2]["utilisation"] == 50.0
    assert breakdown[11]["total"] == 1
    assert breakdown[14]["utilisation"] == 100.0
    assert breakdown[14]["failed"] == 1
    mean = sum(one["utilisation"] for one in breakdown) / 36
    assert mean == pytest.approx(found["utilisation"], abs=0.01)


@pytest.mark.parametrize(
    ("period", "buckets", "width_s"),
    [("hour", 12, 300), ("day", 24, 3600), ("week", 7, 86_400), ("month", 30, 86_400)],
)
async def test_a_period_ends_now_and_has_its_buckets(
    admin: httpx.AsyncClient, machine: str, period: str, buckets: int, width_s: int
) -> None:
    found = (await statistics(admin, machine, period=period)).json()
    assert found["period"] == period
    assert found["bucket_seconds"] == width_s
    assert len(found["breakdown"]) == buckets
    assert found["total_inspections"] == 0
    assert found["success_rate"] is None
    assert found["utilisation"] == 0


async def test_a_date_without_a_time_and_an_open_end_are_understood(
    admin: httpx.AsyncClient, machine: str
) -> None:
    found = (await statistics(admin, machine, start_date="2026-03-02")).json()
    assert found["total_inspections"] == 7
    assert found["start_date"] == "2026-03-02T00:00:00Z"
    found = (await statistics(admin, machine, end_date="2026-03-02T09:00:00", period="hour")).json()
    assert found["total_inspections"] == 3


@pytest.mark.parametrize(
    "asked",
    [
        {"period": "year"},
        {"start_date": "yesterday"},
        {"start_date": "2026-03-02", "end_date": "2026-03-01"},
        {"start_date": "2026-03-02", "end_date": "2026-03-02"},
        {"start_date": "0001-01-01"},
        {"start_date": "2026-03-02", "end_date": "9999-12-31"},
    ],
)
async def test_a_span_that_is_none_is_refused(
    admin: httpx.AsyncClient, machine: str, asked: dict[str, str]
) -> None:
    answer = await statistics(admin, machine, **asked)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["details"]["fields"]


async def test_an_unknown_machine_has_no_statistics(admin: httpx.AsyncClient) -> None:
    assert (await statistics(admin, "mv_000000000000")).status_code == 404
