"""Observations in, sessions out: once each, by their own time, whoever sends them and how."""

import asyncio
import json
import random
import secrets
from collections.abc import AsyncIterator, Iterable
from typing import Any

import asyncpg
import httpx
import pytest

from tests.tracking.conftest import (
    IN_Z2,
    INSIDE,
    OUTSIDE,
    Floor,
    Make,
    Running,
    made,
    new_floor,
    person,
)


async def sessions_of(floor: Floor, **params: str) -> list[dict[str, Any]]:
    found = []
    for zone_id in (floor.z1, floor.z2):
        answer = await floor.client.get("/api/v1/sessions", params={"zone_id": zone_id, **params})
        assert answer.status_code == 200, answer.text
        found += answer.json()["sessions"]
    return sorted(found, key=lambda one: (one["entry_time"], one["session_id"]))


def told(found: Iterable[dict[str, Any]]) -> list[tuple[Any, ...]]:
    names = ("zone_id", "entry_time", "exit_time", "state", "total_active_seconds")
    return [
        tuple(one[n] for n in (*names, "total_idle_seconds", "unseen_seconds")) for one in found
    ]


async def test_a_stay_is_a_session_with_its_timeline(floor: Floor) -> None:
    worker = f"W{secrets.token_hex(4)}"
    await made(floor.client, "workers", worker_id=worker, name="สมชาย ใจดี")
    frames = floor.stay([(2, OUTSIDE), (20, INSIDE)], worker_id=worker)
    frames += floor.stay([(30, INSIDE)], start=22, worker_id=worker, motion=0.02)
    frames += floor.stay([(8, INSIDE), (5, OUTSIDE)], start=52, worker_id=worker)
    assert await floor.post(frames) == {"accepted": len(frames), "duplicates": 0, "late": 0}
    (stay,) = await sessions_of(floor)
    assert stay["session_id"] == f"{worker}_{floor.z1}_20250115_083544"
    assert (stay["worker_id"], stay["worker_name"]) == (worker, "สมชาย ใจดี")
    assert stay["state"] == "completed"
    assert stay["entry_time"] == "2025-01-15T08:35:44Z"
    assert stay["exit_time"] == "2025-01-15T08:36:41.500000Z"
    assert stay["total_idle_seconds"] == 30
    assert stay["total_active_seconds"] == 27.5
    assert stay["productivity"] == round(27.5 / 57.5, 3)
    assert stay["index_number"] == 1
    detail = (await floor.client.get(f"/api/v1/sessions/{stay['session_id']}")).json()
    assert [(one["event"], one["timestamp"][11:19]) for one in detail["timeline"]] == [
        ("entry", "08:35:44"),
        ("idle_start", "08:36:04"),
        ("active_resume", "08:36:34"),
        ("exit", "08:36:41"),
    ]
    assert detail["timeline"][1]["duration"] == 30


async def test_an_open_session_is_active_and_its_zone_is_occupied(floor: Floor) -> None:
    await floor.post(floor.stay([(20, INSIDE)], track_id=7))
    active = (await floor.client.get(f"/api/v1/sessions/active?zone_id={floor.z1}")).json()
    assert active["total"] == 1
    (stay,) = active["sessions"]
    assert (stay["worker_id"], stay["track_id"], stay["state"]) == ("UNKNOWN-7", 7, "active")
    assert stay["duration_seconds"] == 19.5
    here = (await floor.client.get(f"/api/v1/zones/{floor.z1}/occupancy")).json()
    assert (here["current_count"], here["status"]) == (1, "normal")
    assert here["workers"][0]["duration_seconds"] == 19.5
    empty = (await floor.client.get(f"/api/v1/zones/{floor.z2}/occupancy")).json()
    assert (empty["current_count"], empty["status"]) == (0, "empty")
    zone = (await floor.client.get(f"/api/v1/zones/{floor.z1}")).json()
    assert zone["current_occupancy"] == 1


async def test_the_same_frames_again_change_nothing(floor: Floor) -> None:
    frames = floor.stay([(100, INSIDE), (10, OUTSIDE)])
    await floor.post(frames)
    before = await sessions_of(floor)
    again = await floor.post(frames)
    assert again == {"accepted": 0, "duplicates": len(frames), "late": 0}
    twice = await floor.post([frames[-1], frames[-1], floor.at(200), floor.at(200)])
    assert twice == {"accepted": 2, "duplicates": 2, "late": 0}
    assert told(await sessions_of(floor)) == told(before)


async def test_frames_that_are_too_old_are_counted_and_not_applied(floor: Floor) -> None:
    await floor.post([floor.at(0), floor.at(100)])
    assert await floor.post(floor.stay([(10, INSIDE)], start=20)) == {
        "accepted": 0,
        "duplicates": 0,
        "late": 20,
    }
    assert await sessions_of(floor) == []
    in_time = await floor.post(floor.stay([(10, INSIDE)], start=45))
    assert in_time == {"accepted": 20, "duplicates": 0, "late": 0}
    (stay,) = await sessions_of(floor)
    assert stay["entry_time"][11:19] == "08:36:27"


@pytest.mark.parametrize("seed", range(4))
async def test_batches_in_any_order_give_the_same_sessions(
    admin: httpx.AsyncClient, seed: int
) -> None:
    chance = random.Random(seed)
    one, other = await new_floor(admin), await new_floor(admin)

    def day(floor: Floor) -> list[list[dict[str, Any]]]:
        frames = floor.stay([(3, OUTSIDE), (40, INSIDE), (4, OUTSIDE), (30, IN_Z2), (8, OUTSIDE)])
        frames += floor.stay([(50, INSIDE), (20, None)], start=85, motion=0.01)
        return [frames[first : first + 10] for first in range(0, len(frames), 10)]

    for batch in day(one):
        await one.post(batch)
    batches = day(other)
    while batches:
        head, batches = batches[:5], batches[5:]
        chance.shuffle(head)
        for batch in head:
            assert (await other.post(batch))["late"] == 0
    names = {one.z1: "1", one.z2: "2", other.z1: "1", other.z2: "2"}
    right, left = await sessions_of(one), await sessions_of(other)
    for stay in (*right, *left):
        stay["zone_id"] = names[stay["zone_id"]]
    assert told(left) == told(right)
    assert len(right) == 3
    for a, b in zip(right, left, strict=True):
        timelines = [
            (await admin.get(f"/api/v1/sessions/{stay['session_id']}")).json()["timeline"]
            for stay in (a, b)
        ]
        assert timelines[0] == timelines[1]


async def test_a_late_frame_takes_unseen_time_back(floor: Floor) -> None:
    frames = floor.stay([(60, INSIDE)])
    gap = frames[40:80]
    await floor.post(frames[:40] + frames[80:])
    (stay,) = await sessions_of(floor)
    assert (stay["total_active_seconds"], stay["unseen_seconds"]) == (39, 20.5)
    await floor.post(gap)
    (stay,) = await sessions_of(floor)
    assert (stay["total_active_seconds"], stay["unseen_seconds"]) == (59.5, 0)
    detail = (await floor.client.get(f"/api/v1/sessions/{stay['session_id']}")).json()
    assert [one["event"] for one in detail["timeline"]] == ["entry"]


async def test_a_dark_camera_is_unseen_time(floor: Floor) -> None:
    await floor.post(floor.stay([(30, INSIDE)]) + floor.stay([(30, INSIDE)], start=630))
    (stay,) = await sessions_of(floor)
    assert stay["state"] == "active"
    assert stay["unseen_seconds"] == 600.5
    assert stay["total_idle_seconds"] == 0
    detail = (await floor.client.get(f"/api/v1/sessions/{stay['session_id']}")).json()
    events = [one["event"] for one in detail["timeline"]]
    assert events == ["entry", "unseen_start", "seen_resume"]


async def test_half_an_hour_of_darkness_ends_a_session_at_its_last_sight(floor: Floor) -> None:
    await floor.post([*floor.stay([(30, INSIDE)]), floor.at(30 + 1801)])
    (stay,) = await sessions_of(floor)
    assert (stay["state"], stay["exit_time"][11:19]) == ("completed", "08:36:11")
    assert stay["unseen_seconds"] == 0


async def test_a_badge_says_who_it_is_and_an_unknown_one_says_nothing(floor: Floor) -> None:
    worker, badge = f"W{secrets.token_hex(4)}", f"B{secrets.token_hex(4)}"
    await made(floor.client, "workers", worker_id=worker, name="Ana", badge_id=badge)
    frames = floor.stay([(5, INSIDE)], track_id=1)
    for frame in frames[4:]:
        frame["tracks"][0]["badge_id"] = badge
        frame["tracks"].append(person(IN_Z2, track_id=2, badge_id="NOBODY"))
    await floor.post(frames)
    names = {stay["zone_id"]: stay["worker_id"] for stay in await sessions_of(floor)}
    assert names == {floor.z1: worker, floor.z2: "UNKNOWN-2"}


async def test_a_changed_zone_is_in_force_from_the_next_batch(floor: Floor) -> None:
    await floor.post(floor.stay([(10, INSIDE)]))
    await floor.client.delete(f"/api/v1/zones/{floor.z1}")
    await floor.post(floor.stay([(10, INSIDE)], start=10))
    (stay,) = await sessions_of(floor)
    assert stay["state"] == "completed"


async def test_unknown_cameras_and_workers_are_told_apart(floor: Floor) -> None:
    body = {"camera_id": "NONE", "frames": [floor.at(0)]}
    answer = await floor.client.post("/api/v1/observations", json=body)
    assert answer.status_code == 404
    frames = [floor.at(0, person(INSIDE)), floor.at(1, person(INSIDE, worker_id="W404"))]
    refused = await floor.post(frames, status=422)
    assert "frames.1.tracks.0.worker_id" in refused["error"]["message"]
    # Nothing of a refused batch is kept.
    assert (await floor.post(frames[:1]))["accepted"] == 1


@pytest.mark.parametrize(
    "change",
    [
        {"bbox": [1, 2, 3]},
        {"bbox": [10, 10, 5, 20]},
        {"bbox": [1e9, 0, 2e9, 1]},
        {"motion": 1.5},
        {"motion": "fast"},
        {"confidence": -1},
        {"track_id": ""},
        {"track_id": "x" * 65},
        {"track_id": True},
        {"confidence": True},
        {"bbox": [10, True, 50, 100]},
    ],
)
async def test_a_bad_track_is_422(floor: Floor, change: dict[str, Any]) -> None:
    await floor.post([floor.at(0, person(INSIDE) | change)], status=422)


@pytest.mark.parametrize(
    "change",
    [
        {"timestamp": "yesterday"},
        {"timestamp": "2199-01-01T00:00:00Z"},
        {"frame_id": "y" * 65},
        {"frame_id": "0" * 65},
        {"frame_id": False},
        {"frame_id": 1.5},
        {"frame_id": None},
        {"tracks": None},
    ],
)
async def test_a_bad_frame_is_422(floor: Floor, change: dict[str, Any]) -> None:
    await floor.post([floor.at(0) | change], status=422)


async def test_more_than_500_frames_are_refused(floor: Floor) -> None:
    frames = [floor.at(n / 10) for n in range(501)]
    await floor.post(frames, status=422)
    assert (await floor.post(frames[:500]))["accepted"] == 500


async def test_an_empty_batch_is_taken(floor: Floor) -> None:
    assert await floor.post([]) == {"accepted": 0, "duplicates": 0, "late": 0}


async def test_only_machines_and_admins_send_observations(shared: Running, floor: Floor) -> None:
    body = {"camera_id": floor.camera_id, "frames": [floor.at(0)]}
    for role, status in (("supervisor", 403), ("viewer", 403), ("machine", 202)):
        async with shared.client(role) as client:
            answer = await client.post("/api/v1/observations", json=body)
        assert answer.status_code == status


async def test_many_at_once_are_taken_once_each(floor: Floor) -> None:
    frames = floor.stay([(30, INSIDE), (5, OUTSIDE)])
    parts = [frames[first : first + 14] for first in range(0, len(frames), 7)]
    answers = await asyncio.gather(*(floor.post(part) for part in parts * 3))
    assert sum(answer["accepted"] for answer in answers) == len(frames)
    (stay,) = await sessions_of(floor)
    assert (stay["state"], stay["total_active_seconds"]) == ("completed", 29.5)


async def test_a_camera_that_sends_too_much_delays_only_itself(launch: Make) -> None:
    running = launch()
    address = running.environment["GEMBA_DATABASE_URL"].replace("+asyncpg", "")
    holding = await asyncpg.connect(address)
    async with running.client("admin") as client:
        busy, calm = await new_floor(client), await new_floor(client)
        frames = busy.stay([(30, INSIDE), (5, OUTSIDE)])
        async with holding.transaction():
            await holding.execute(
                "SELECT FROM tracking.camera_states WHERE camera_id = $1 FOR UPDATE",
                busy.camera_id,
            )
            # More than there are connections; each waits for what is held.
            flood = [asyncio.create_task(busy.post([frame])) for frame in frames]
            for part in (calm.stay([(2, INSIDE)]), calm.stay([(2, OUTSIDE)], start=2)):
                assert (await calm.post(part))["accepted"] == len(part)
            assert not any(task.done() for task in flood)
        answers = await asyncio.gather(*flood)
        assert sum(answer["accepted"] for answer in answers) == len(frames)
    await holding.close()


async def test_a_restart_in_the_middle_changes_nothing(launch: Make) -> None:
    first = launch()
    async with first.client("admin") as client:
        floor = await new_floor(client)
        frames = floor.stay([(40, INSIDE), (6, OUTSIDE)])
        await floor.post(frames[:30])
        before = floor
    environment = first.environment
    second = launch(GEMBA_DATABASE_URL=environment["GEMBA_DATABASE_URL"])
    async with second.client("admin") as client:
        floor = Floor(client, before.camera_id, before.z1, before.z2, before.frame)
        await floor.post(frames[20:])
        (stay,) = await sessions_of(floor)
    assert (stay["state"], stay["total_active_seconds"]) == ("completed", 39.5)


async def test_replicas_that_take_turns_at_one_camera_agree(launch: Make) -> None:
    first = launch()
    second = launch(GEMBA_DATABASE_URL=first.environment["GEMBA_DATABASE_URL"])
    async with first.client("admin") as one, second.client("admin") as other:
        floor = await new_floor(one)
        again = Floor(other, floor.camera_id, floor.z1, floor.z2)
        frames = floor.stay([(3, OUTSIDE), (40, INSIDE), (6, OUTSIDE)])
        batches = [frames[start : start + 7] for start in range(0, len(frames), 7)]
        for number, batch in enumerate(batches):
            # Twice in a row each, and every fifth batch at both at once.
            takers = [floor, again] if number % 4 < 2 else [again, floor]
            if number % 5 == 0:
                answers = await asyncio.gather(*(taker.post(batch) for taker in takers))
                assert sum(answer["accepted"] for answer in answers) == len(batch)
            else:
                assert (await takers[0].post(batch))["accepted"] == len(batch)
        (stay,) = await sessions_of(floor)
    assert (stay["state"], stay["total_active_seconds"]) == ("completed", 39.5)


async def test_a_batch_is_the_same_however_its_json_is_sent(floor: Floor) -> None:
    frames = floor.stay([(4, OUTSIDE), (36, INSIDE), (6, OUTSIDE)], track_id="พนักงาน")
    parts = [frames[start : start + 8] for start in range(0, len(frames), 8)]
    for number, part in enumerate(parts):
        body = {"camera_id": floor.camera_id, "frames": part}
        text = json.dumps(body, ensure_ascii=number % 2 == 0).encode()

        async def in_pieces(whole: bytes) -> AsyncIterator[bytes]:
            for start in range(0, len(whole), 500):
                yield whole[start : start + 500]

        content = in_pieces(text) if number % 3 == 0 else text
        kind = "application/json; charset=utf-8" if number % 2 else "application/json"
        answer = await floor.client.post(
            "/api/v1/observations", content=content, headers={"Content-Type": kind}
        )
        assert answer.json() == {"accepted": len(part), "duplicates": 0, "late": 0}
    (stay,) = await sessions_of(floor)
    assert (stay["state"], stay["total_active_seconds"]) == ("completed", 35.5)


async def test_sessions_are_listed_by_filters(floor: Floor) -> None:
    frames = floor.stay([(10, INSIDE), (10, OUTSIDE), (10, IN_Z2)])
    await floor.post(frames)
    ask = floor.client.get
    for query, expected in (
        (f"zone_id={floor.z1}&state=completed", 1),
        (f"zone_id={floor.z1}&state=active", 0),
        (f"zone_id={floor.z2}&state=active", 1),
        (f"zone_id={floor.z1}&start=2025-01-15T08:35:50Z", 1),
        (f"zone_id={floor.z1}&start=2025-01-15T08:36:00Z", 0),
        (f"zone_id={floor.z1}&end=2025-01-15T08:35:42Z", 0),
    ):
        assert (await ask(f"/api/v1/sessions?{query}")).json()["total"] == expected, query
    for query in ("state=asleep", "limit=0", "start=x", "start=2025-01-02&end=2025-01-01"):
        assert (await ask(f"/api/v1/sessions?{query}")).status_code == 400, query
    assert (await ask("/api/v1/sessions/NONE")).status_code == 404
