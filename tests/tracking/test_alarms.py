"""Alarms alone: holds in seen time, hysteresis, and nothing out of the dark."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tracking.test_advance import INSIDE, OUTSIDE, RULES, START, Z1, empty, walk
from tracking.floor.advance import areas_of
from tracking.floor.alarms import Alarm, AlarmRule, Limits, occupancy_status
from tracking.floor.following import Memory, Outlook, follow
from tracking.floor.observations import Frame, Identities

OUTLOOK = Outlook(
    areas=areas_of([Z1], RULES),
    rules=RULES,
    identities=Identities(),
    limits={"Z01": Limits(1, 1)},
    alarm_rules={"zone_empty": AlarmRule(20), "idle_threshold": AlarmRule(30)},
    is_working=lambda _: True,
)


def run(frames: list[Frame], batches: list[int] | None = None) -> list[Alarm]:
    memory, alarms, rest = Memory(), list[Alarm](), list(frames)
    for size in [*(batches or []), len(rest)]:
        batch, rest = rest[:size], rest[size:]
        outcome = follow(Memory.from_text(memory.as_text()), batch, OUTLOOK)
        memory = outcome.memory
        alarms += outcome.alarms
    return alarms


def told(alarms: list[Alarm]) -> list[tuple[str, str, int]]:
    return [(one.change, one.rule, round(one.time_s - START)) for one in alarms]


def test_a_zone_is_empty_from_the_last_sight_on() -> None:
    frames = [*walk([(10, INSIDE)]), *empty(30, start=10), *walk([(20, INSIDE)], start=40)]
    assert told(run(frames)) == [("raised", "zone_empty", 30), ("ended", "zone_empty", 41)]


def test_who_left_in_the_dark_left_no_empty_zone_behind_yet() -> None:
    frames = [*walk([(10, INSIDE)]), *empty(15, start=600)]
    assert run(frames) == []
    frames = [*walk([(10, INSIDE)]), *empty(25, start=600)]
    assert told(run(frames)) == [("raised", "zone_empty", 620)]


def test_darkness_does_not_count_towards_a_hold() -> None:
    frames = [*empty(15, start=0), *empty(4, start=45)]
    assert run(frames) == []
    assert told(run([*frames, *empty(4, start=49)])) == [("raised", "zone_empty", 50)]


def test_a_moment_of_presence_ends_no_alarm() -> None:
    frames = [*empty(30, start=0), *walk([(3, INSIDE)], start=30), *empty(30, start=33)]
    assert told(run(frames)) == [("raised", "zone_empty", 20)]


def test_idleness_is_told_once() -> None:
    still = [*walk([(50, INSIDE)], motion=0.0), *walk([(5, INSIDE)], start=50)]
    assert told(run(still)) == [("raised", "idle_threshold", 30), ("ended", "idle_threshold", 50)]


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(1, 80), max_size=20))
def test_batch_boundaries_change_no_alarm(batches: list[int]) -> None:
    day = [
        *walk([(10, OUTSIDE), (40, INSIDE)], motion=0.0),
        *empty(40, start=50),
        *walk([(20, INSIDE)], start=90),
    ]
    assert run(day, batches) == run(day)


@pytest.mark.parametrize(
    ("count", "limits", "status"),
    [
        (0, Limits(1, 2), "empty"),
        (0, Limits(0, None), "normal"),
        (1, Limits(2, 3), "understaffed"),
        (2, Limits(2, 2), "normal"),
        (3, Limits(0, 2), "overcrowded"),
    ],
)
def test_a_count_is_judged(count: int, limits: Limits, status: str) -> None:
    assert occupancy_status(count, limits) == status
    assert occupancy_status(count, replace(limits, max_workers=None)) != "overcrowded"
