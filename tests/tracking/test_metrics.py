"""Figures: by hour and day, across midnight, in other zones; and never from what nobody saw."""

import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.tracking.conftest import (
    IN_Z2,
    INSIDE,
    OUTSIDE,
    START,
    Floor,
    Make,
    made,
    new_floor,
    person,
)


@pytest.fixture
async def lone(launch: Make) -> AsyncIterator[httpx.AsyncClient]:
    """An admin of a service whose floor is empty."""
    async with launch().client("admin") as client:
        yield client


def since_start(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp() - START


async def minutes(floor: Floor, start: str, **spans: Any) -> None:
    """Somebody who works, then stands still, then goes; a frame every two seconds."""
    at = since_start(start)
    active_s, idle_s = spans.pop("active", 0) * 60, spans.pop("idle", 0) * 60
    foot = spans.pop("foot", INSIDE)
    frames = floor.stay([(active_s, foot)], start=at, fps=0.5, **spans)
    frames += floor.stay([(idle_s, foot)], start=at + active_s, fps=0.5, motion=0.0, **spans)
    end = at + active_s + idle_s
    frames += floor.stay([(6, None)], start=end, fps=0.5)
    await floor.see(frames)


async def test_a_zone_is_reckoned_by_hour_and_day_across_midnight(lone: httpx.AsyncClient) -> None:
    await lone.put("/api/v1/schedule", json={"timezone": "Asia/Bangkok"})
    floor = await new_floor(lone)
    await made(lone, "workers", worker_id="W001", name="สมชาย ใจดี")
    # From 23:30 to 00:20 on Bangkok's clock, 7 hours ahead of UTC.
    await minutes(floor, "2025-01-15T16:30:00Z", active=40, idle=10, worker_id="W001")
    path = f"/api/v1/metrics/zone/{floor.z1}"
    first = (await lone.get(f"{path}?date=2025-01-15")).json()
    assert first["start_time"] == "2025-01-14T17:00:00Z"
    assert [(h["hour"], h["active_seconds"]) for h in first["hourly_breakdown"]] == [
        ("23:00", 1800)
    ]
    second = (await lone.get(f"{path}?date=2025-01-16")).json()
    (hour,) = second["hourly_breakdown"]
    assert (hour["hour"], hour["start"]) == ("00:00", "2025-01-15T17:00:00Z")
    assert (hour["active_seconds"], hour["idle_seconds"], hour["workers"]) == (600, 598, 1)
    week = (await lone.get(f"{path}?period=week&date=2025-01-16")).json()
    assert (week["total_sessions"], week["unique_workers"], week["peak_occupancy"]) == (1, 1, 1)
    assert week["total_active_seconds"] == 2400
    assert week["productivity"] == round(2400 / 2998, 3)
    assert week["avg_session_duration"] == 2998
    assert [day["date"] for day in week["daily_breakdown"]] == ["2025-01-16", "2025-01-15"]
    worker = (await lone.get("/api/v1/metrics/worker/W001?period=month&date=2025-01-16")).json()
    assert (worker["worker_name"], worker["total_days_worked"]) == ("สมชาย ใจดี", 2)
    assert worker["total_active_hours"] == 0.667
    assert worker["zones_worked"] == [floor.z1]
    assert worker["start_date"] == "2024-12-18"
    assert sum(day["active_hours"] for day in worker["daily_breakdown"]) == pytest.approx(0.667)
    detail = (await lone.get("/api/v1/workers/W001")).json()["statistics"]
    assert (detail["total_sessions"], detail["total_active_hours"]) == (1, 0.667)


async def test_today_sums_up_its_zones(lone: httpx.AsyncClient) -> None:
    floor = await new_floor(lone)
    await made(lone, "workers", worker_id="W001", name="Ana")
    await made(lone, "workers", worker_id="W002", name="Rui")
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    start = max(midnight, datetime.now(UTC) - timedelta(minutes=10)).isoformat()
    at = since_start(start)
    frames = [
        floor.at(
            at + n / 2,
            person(INSIDE, track_id=1, worker_id="W001"),
            person(IN_Z2, track_id=2, worker_id="W002", motion=0.0),
        )
        for n in range(60)
    ]
    await floor.post(frames)
    today = (await lone.get("/api/v1/metrics/today")).json()
    assert (today["total_workers"], today["active_workers"]) == (2, 2)
    assert today["total_indices"] == 11
    assert (today["total_active_seconds"], today["total_idle_seconds"]) == (29.5, 29.5)
    assert today["overall_productivity"] == 0.5
    zones = {zone["zone_id"]: zone for zone in today["zones"]}
    assert (zones[floor.z1]["productivity"], zones[floor.z2]["productivity"]) == (1, 0)
    assert zones[floor.z1]["status"] == "normal"
    for zone_id, zone in zones.items():
        told = (await lone.get(f"/api/v1/metrics/zone/{zone_id}?period=today")).json()
        assert told["productivity"] == zone["productivity"]
        assert told["total_active_seconds"] == zone["active_seconds"]
        assert told["end_time"] <= datetime.now(UTC).isoformat()


async def test_unseen_time_is_neither_work_nor_rest(floor: Floor) -> None:
    await floor.see(floor.stay([(60, INSIDE)]) + floor.stay([(60, INSIDE)], start=660))
    path = f"/api/v1/metrics/zone/{floor.z1}?date=2025-01-15"
    told = (await floor.client.get(path)).json()
    assert (told["total_active_seconds"], told["unseen_seconds"]) == (119, 600.5)
    assert (told["total_idle_seconds"], told["productivity"]) == (0, 1)


async def test_nothing_seen_has_no_productivity(floor: Floor) -> None:
    told = (await floor.client.get(f"/api/v1/metrics/zone/{floor.z1}?date=2025-01-15")).json()
    assert told["productivity"] is None
    assert told["avg_session_duration"] is None
    assert told["hourly_breakdown"] == []


async def test_the_most_people_at_once_are_counted(floor: Floor) -> None:
    frames = floor.stay([(10, INSIDE)], track_id=1)
    for frame in frames[6:]:
        frame["tracks"] += [person((150, 150), track_id=2), person((250, 250), track_id=3)]
    frames += floor.stay([(10, INSIDE), (10, OUTSIDE)], start=10, track_id=1)
    await floor.post(frames)
    told = (await floor.client.get(f"/api/v1/metrics/zone/{floor.z1}?date=2025-01-15")).json()
    assert (told["peak_occupancy"], told["total_sessions"], told["total_workers"]) == (3, 3, 3)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("zone/{z1}?period=year", 400),
        ("zone/{z1}?date=2025-02-30", 400),
        ("zone/{z1}?date=0001-01-01", 400),
        ("zone/NONE", 404),
        ("worker/NONE", 404),
    ],
)
async def test_what_cannot_be_reckoned_is_told(floor: Floor, path: str, status: int) -> None:
    answer = await floor.client.get(f"/api/v1/metrics/{path.format(z1=floor.z1)}")
    assert answer.status_code == status


async def test_a_key_for_metrics_reads_them(floor: Floor, shared: Any) -> None:
    async with shared.client("api_client", permissions=["metrics:read"]) as client:
        assert (await client.get("/api/v1/metrics/today")).status_code == 200
        assert (await client.get("/api/v1/sessions/active")).status_code == 403


async def test_attendance_is_a_share_of_working_days(admin: httpx.AsyncClient) -> None:
    worker = await made(admin, "workers", worker_id=f"W{secrets.token_hex(4)}", name="x")
    told = (await admin.get(f"/api/v1/workers/{worker['worker_id']}")).json()["statistics"]
    assert told["attendance_rate"] in (None, 0)
