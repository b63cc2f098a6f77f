"""Alerts and anomalies: one a cause, by the frames' own time, never from what nobody saw."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.patience import eventually
from tests.tracking.conftest import (
    IN_Z2,
    INSIDE,
    OUTSIDE,
    START,
    Floor,
    Make,
    new_floor,
    person,
)


async def alerts_of(floor: Floor, kind: str | None = None, **params: str) -> list[dict[str, Any]]:
    query = {**params, **({"alert_type": kind} if kind else {})}
    found = []
    for zone_id in (floor.z1, floor.z2):
        answer = await floor.client.get("/api/v1/alerts", params={"zone_id": zone_id, **query})
        found += answer.json()["alerts"]
    return sorted(found, key=lambda one: int(one["alert_id"]))


async def anomalies_of(floor: Floor, **params: str) -> list[dict[str, Any]]:
    params = {"zone_id": floor.z1, **params}
    found: list[dict[str, Any]] = (
        await floor.client.get("/api/v1/anomalies", params=params)
    ).json()["anomalies"]
    return found


async def test_who_stands_still_too_long_is_told_once_and_then_more_loudly(floor: Floor) -> None:
    frames = floor.stay([(10, INSIDE)], track_id=5)
    await floor.post(frames + floor.stay([(65, INSIDE)], start=10, track_id=5, motion=0.01))
    (alert,) = await alerts_of(floor, "idle_threshold")
    assert (alert["severity"], alert["worker_id"]) == ("warning", "UNKNOWN-5")
    assert alert["message"] == f"Worker UNKNOWN-5 idle for 60 seconds in zone {floor.z1}"
    assert alert["timestamp"] == "2025-01-15T08:36:52Z"
    assert (alert["acknowledged"], alert["resolved"]) == (False, False)
    assert await anomalies_of(floor) == []
    await floor.see(floor.stay([(300, INSIDE)], start=75, track_id=5, motion=0.01))
    assert len(await alerts_of(floor, "idle_threshold")) == 1
    (_,) = await alerts_of(floor, "excessive_idle", severity="critical")
    (anomaly,) = await anomalies_of(floor, severity="high", resolved="false")
    assert anomaly["anomaly_type"] == "excessive_idle"
    assert "idle for" in anomaly["description"]
    await floor.post(floor.stay([(2, INSIDE)], start=375, track_id=5))
    here = [one for one in await alerts_of(floor) if one["zone_id"] == floor.z1]
    assert [one["resolved"] for one in here] == [True, True]
    (anomaly,) = await anomalies_of(floor)
    assert anomaly["ended_at"] == here[1]["resolved_at"] == "2025-01-15T08:41:57Z"


async def test_an_empty_zone_calls_once_and_ends_when_somebody_comes(floor: Floor) -> None:
    empty = floor.stay([(310, None)], fps=1)
    await floor.post(empty)
    first, second = await alerts_of(floor, "zone_empty")
    assert {first["zone_id"], second["zone_id"]} == {floor.z1, floor.z2}
    assert first["message"] == f"Critical zone {floor.z1} has no workers for 5 minutes"
    await floor.post(floor.stay([(200, None)], start=310, fps=1))
    assert len(await alerts_of(floor)) == 2
    await floor.post(floor.stay([(10, INSIDE)], start=510))
    (left,) = await alerts_of(floor, resolved="false")
    assert left["zone_id"] == floor.z2
    assert "8 minutes" in left["message"]


async def test_nobody_is_missed_outside_of_working_time(floor: Floor) -> None:
    evening = datetime(2025, 1, 15, 20, tzinfo=UTC).timestamp() - START
    await floor.post(floor.stay([(480, None)], start=evening, fps=1))
    assert await alerts_of(floor) == []


async def test_darkness_raises_no_alert(floor: Floor) -> None:
    await floor.post(floor.stay([(100, None)], fps=1))
    await floor.post(floor.stay([(10, INSIDE)], start=700, fps=1, motion=0.0))
    await floor.post(floor.stay([(10, INSIDE)], start=1700, fps=1, motion=0.0))
    assert await alerts_of(floor) == []


async def test_too_many_and_too_few_are_told_apart(admin: httpx.AsyncClient) -> None:
    floor = await new_floor(admin, min_workers=2, max_workers=2)
    three = [person((150 + 20 * n, 200), track_id=n) for n in range(3)]
    await floor.post([floor.at(n, *three) for n in range(40)])
    (crowd,) = await alerts_of(floor, "overcrowded")
    assert "has 3 of at most 2 workers" in crowd["message"]
    await floor.see([floor.at(40 + n, three[0]) for n in range(320)])
    assert [one["resolved"] for one in await alerts_of(floor, "overcrowded")] == [True]
    (few,) = await alerts_of(floor, "understaffed")
    assert "has 1 of at least 2 workers" in few["message"]


async def test_a_late_frame_doubles_no_alert(floor: Floor) -> None:
    frames = floor.stay([(10, INSIDE)])
    frames += floor.stay([(70, INSIDE)], start=10, motion=0.0)
    frames += floor.stay([(10, INSIDE)], start=80)
    late = frames.pop(-3)
    await floor.post(frames)
    before = await alerts_of(floor)
    assert [one["resolved"] for one in before] == [True]
    await floor.post([late])
    assert await alerts_of(floor) == before


async def test_an_alert_is_acknowledged_with_who_when_and_what(floor: Floor) -> None:
    await floor.post(floor.stay([(80, INSIDE)], motion=0.0))
    (alert,) = await alerts_of(floor)
    body = {"acknowledged_by": "supervisor_001", "action_taken": "Dispatched worker"}
    path = f"/api/v1/alerts/{alert['alert_id']}/acknowledge"
    answer = await floor.client.post(path, json=body)
    assert answer.status_code == 200
    told = answer.json()
    assert told.items() >= {**body, "alert_id": alert["alert_id"], "acknowledged": True}.items()
    assert told["acknowledged_at"].endswith("Z")
    assert await alerts_of(floor, acknowledged="false") == []
    # It is still open: no second one until its cause has ended.
    await floor.post(floor.stay([(80, INSIDE)], start=80, motion=0.0))
    (same,) = await alerts_of(floor, acknowledged="true")
    assert (same["alert_id"], same["resolved"]) == (alert["alert_id"], False)
    assert (await floor.client.post("/api/v1/alerts/999999999/acknowledge")).status_code == 404
    assert (await floor.client.post("/api/v1/alerts/99999999999/acknowledge")).status_code == 404


async def test_rights_to_acknowledge_are_checked(shared: Any, floor: Floor) -> None:
    async with shared.client("viewer") as client:
        assert (await client.post("/api/v1/alerts/1/acknowledge", json={})).status_code == 403
        assert (await client.post("/api/v1/anomalies/1/resolve", json={})).status_code == 403


async def test_an_anomaly_is_resolved_with_its_cause(floor: Floor) -> None:
    await floor.see(floor.stay([(320, INSIDE)], motion=0.0))
    (anomaly,) = await anomalies_of(floor)
    path = f"/api/v1/anomalies/{anomaly['anomaly_id']}/resolve"
    told = (await floor.client.post(path, json={"root_cause": "Waiting for parts"})).json()
    assert (told["resolved"], told["root_cause"]) == (True, "Waiting for parts")
    assert told["resolved_by"] == "a-admin"
    assert await anomalies_of(floor, resolved="false") == []


@pytest.mark.parametrize("query", ["severity=loud", "limit=0", "acknowledged=maybe", "offset=-1"])
async def test_bad_filters_are_400(admin: httpx.AsyncClient, query: str) -> None:
    assert (await admin.get(f"/api/v1/alerts?{query}")).status_code == 400


async def test_a_silent_camera_is_offline_and_its_time_is_unseen(launch: Make) -> None:
    service = launch()
    async with service.client("admin") as client:
        await client.put("/api/v1/alert-rules", json={"rules": {"camera_offline": {"seconds": 1}}})
        floor = await new_floor(client)
        await floor.post(floor.stay([(20, INSIDE)]))

        async def alert() -> list[dict[str, Any]]:
            answer = await client.get("/api/v1/alerts?alert_type=camera_offline")
            found: list[dict[str, Any]] = answer.json()["alerts"]
            return found

        (told,) = await eventually(alert)
        assert (told["camera_id"], told["severity"]) == (floor.camera_id, "critical")
        camera = (await client.get(f"/api/v1/cameras/{floor.camera_id}")).json()
        assert camera["status"] == "offline"
        (stay,) = (await client.get("/api/v1/sessions/active")).json()["sessions"]
        assert stay["state"] == "unseen"
        assert stay["unseen_seconds"] > 0
        detail = (await client.get(f"/api/v1/sessions/{stay['session_id']}")).json()
        assert [one["event"] for one in detail["timeline"]] == ["entry", "unseen_start"]
        ready = (await client.get("/readyz")).json()
        assert await eventually(lambda: _status(client, floor.camera_id, "offline")), ready
        # From here on a slow machine must not make the camera offline once more.
        rules = {"rules": {"camera_offline": {"seconds": 3600}}}
        await client.put("/api/v1/alert-rules", json=rules)
        await floor.post(floor.stay([(5, INSIDE)], start=60))
        (told,) = await alert()
        assert told["resolved"] is True
        (stay,) = (await client.get("/api/v1/sessions/active")).json()["sessions"]
        assert (stay["state"], stay["unseen_seconds"]) == ("active", 40.5)
        (anomaly,) = (await client.get("/api/v1/anomalies")).json()["anomalies"]
        assert (anomaly["anomaly_type"], anomaly["severity"]) == ("camera_offline", "high")
        assert anomaly["ended_at"] is not None


async def test_who_left_while_the_camera_was_offline_left_at_the_last_sight(launch: Make) -> None:
    service = launch()
    async with service.client("admin") as client:
        await client.put("/api/v1/alert-rules", json={"rules": {"camera_offline": {"seconds": 1}}})
        floor = await new_floor(client)
        await floor.post(floor.stay([(20, INSIDE)]))
        await eventually(lambda: _status(client, floor.camera_id, "offline"))
        rules = {"rules": {"camera_offline": {"seconds": 3600}}}
        await client.put("/api/v1/alert-rules", json=rules)
        await floor.post(floor.stay([(10, OUTSIDE)], start=60))
        (stay,) = (await client.get("/api/v1/sessions")).json()["sessions"]
        assert (stay["state"], stay["total_active_seconds"]) == ("completed", 19.5)
        assert stay["unseen_seconds"] == 0
        detail = (await client.get(f"/api/v1/sessions/{stay['session_id']}")).json()
        assert [one["event"] for one in detail["timeline"]] == ["entry", "exit"]
        path = f"/api/v1/metrics/zone/{floor.z1}?date=2025-01-15"
        assert (await client.get(path)).json()["unseen_seconds"] == 0


async def _status(client: httpx.AsyncClient, camera_id: str, status: str) -> bool:
    found: dict[str, str] = (await client.get("/readyz")).json()["cameras"]
    return found.get(camera_id) == status


async def test_a_lost_camera_ends_its_sessions_at_the_last_sight(launch: Make) -> None:
    service = launch()
    async with service.client("admin") as client:
        rules = {"session_timeout_seconds": 10, "rules": {"camera_offline": {"seconds": 1}}}
        await client.put("/api/v1/alert-rules", json=rules)
        floor = await new_floor(client)
        await floor.post(floor.stay([(20, INSIDE)]))

        async def over() -> list[dict[str, Any]]:
            answer = await client.get("/api/v1/sessions?state=completed")
            found: list[dict[str, Any]] = answer.json()["sessions"]
            return found

        (stay,) = await eventually(over)
        assert (stay["total_active_seconds"], stay["unseen_seconds"]) == (19.5, 0)
        detail = (await client.get(f"/api/v1/sessions/{stay['session_id']}")).json()
        assert [one["event"] for one in detail["timeline"]] == ["entry", "exit"]


async def test_a_camera_out_of_use_leaves_nothing_open(floor: Floor) -> None:
    await floor.post(floor.stay([(80, INSIDE)], motion=0.0))
    assert len(await alerts_of(floor, resolved="false")) == 1
    await floor.client.delete(f"/api/v1/cameras/{floor.camera_id}")

    async def is_over() -> bool:
        active = await floor.client.get(f"/api/v1/sessions/active?zone_id={floor.z1}")
        return not active.json()["total"] and not await alerts_of(floor, resolved="false")

    await eventually(is_over)
    (stay,) = (await floor.client.get(f"/api/v1/sessions?zone_id={floor.z1}")).json()["sessions"]
    assert (stay["state"], stay["duration_seconds"]) == ("completed", 79.5)


async def test_an_hour_worse_than_the_same_hours_before_is_told(launch: Make) -> None:
    service = launch()
    async with service.client("admin") as client:
        floor = await new_floor(client)
        for week in range(6):
            await _hour(floor, timedelta(weeks=week), active_s=1500, idle_s=60 + 10 * week)
        await _hour(floor, timedelta(weeks=6), active_s=400, idle_s=1100)

        async def drop() -> list[dict[str, Any]]:
            answer = await client.get("/api/v1/alerts?alert_type=productivity_drop")
            found: list[dict[str, Any]] = answer.json()["alerts"]
            return found

        (alert,) = await eventually(drop)
        assert alert["zone_id"] == floor.z1
        assert "usually at 9" in alert["message"]


async def _hour(floor: Floor, later: timedelta, *, active_s: float, idle_s: float) -> None:
    at = datetime(2025, 1, 15, 10, tzinfo=UTC).timestamp() - START + later.total_seconds()
    frames = floor.stay([(active_s, INSIDE)], start=at, fps=0.5)
    frames += floor.stay([(idle_s, INSIDE)], start=at + active_s, fps=0.5, motion=0.0)
    frames += floor.stay([(6, OUTSIDE)], start=at + active_s + idle_s, fps=0.5)
    frames.append(floor.at(at + 3700, person(IN_Z2, track_id=9)))
    await floor.see(frames)


async def test_other_services_are_told_the_alerts(shared: Any, floor: Floor) -> None:
    await floor.post(floor.stay([(80, INSIDE)], motion=0.0))
    async with shared.client("service") as client:
        told = (await client.get("/internal/alerts")).json()
    (alert,) = [one for one in told if floor.z1 in one["message"]]
    assert (alert["component"], alert["source"]) == (f"zone:{floor.z1}", "tracking")
    assert (alert["state"], alert["resolved"]) == ("open", False)
    assert (await floor.client.get("/internal/alerts")).status_code == 403
