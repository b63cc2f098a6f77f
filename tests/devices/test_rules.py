"""Rules: pure over readings, and as alerts on the bus and in the REST interface."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import nats
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.rules import RateOfChange, Threshold, Transition, advance
from gemba_local.mesh import LocalMesh
from tests.patience import PATIENCE_S

START = datetime(2026, 1, 1, tzinfo=UTC)
Subscribe = Callable[[int], Awaitable[dict[str, Any]]]


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def run(rule: Threshold | RateOfChange, *readings: tuple[float, float]) -> list[tuple[float, bool]]:
    """When alerts began (True) and ended (False), in seconds."""
    progress = advance(rule, {}, [(at(s), v) for s, v in readings], is_open=False)
    return [((t.at - START).total_seconds(), t.message is not None) for t in progress.transitions]


def test_alert_begins_above_and_ends_below_by_the_hysteresis() -> None:
    rule = Threshold(metric="t", above=10, hysteresis=2)
    assert run(rule, (0, 9), (1, 11), (2, 9), (3, 12), (4, 8), (5, 9)) == [(1, True), (4, False)]


def test_alert_waits_for_its_duration_and_is_dated_back() -> None:
    rule = Threshold(metric="t", below=5, duration_seconds=10)
    readings = [(0, 4.0), (5, 6.0), (6, 4.0), (12, 3.0), (16, 3.0), (17, 5.0)]
    assert run(rule, *readings) == [(6, True), (17, False)]


def test_fast_change_is_an_alert_in_both_directions() -> None:
    rule = RateOfChange(metric="t", per_minute=60)
    assert run(rule, (0, 0), (1, 0.5), (2, 5), (3, 5), (4, 0)) == [
        (2, True),
        (3, False),
        (4, True),
    ]


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(-20, 20)), max_size=40),
    st.data(),
)
def test_result_does_not_depend_on_how_readings_are_batched(
    steps: list[tuple[int, int]], data: st.DataObject
) -> None:
    rule = Threshold(metric="t", above=10, below=-10, hysteresis=3, duration_seconds=4)
    readings, seconds = [], 0
    for step, value in steps:
        seconds += step
        readings.append((at(seconds), float(value)))
    whole = advance(rule, {}, readings, is_open=False)
    cut = data.draw(st.integers(0, len(readings)))
    first = advance(rule, {}, readings[:cut], is_open=False)
    is_open = bool(first.transitions) and first.transitions[-1].message is not None
    state = json.loads(json.dumps(first.state))
    second = advance(rule, state, readings[cut:], is_open=is_open)
    assert first.transitions + second.transitions == whole.transitions
    assert second.state == whole.state
    kinds = [transition.message is not None for transition in whole.transitions]
    assert kinds == [index % 2 == 0 for index in range(len(kinds))], "one open alert a rule"
    assert all(isinstance(transition, Transition) for transition in whole.transitions)


@pytest.fixture
async def alerts(mesh: LocalMesh) -> AsyncIterator["asyncio.Queue[tuple[str, dict[str, Any]]]"]:
    """What is published on the bus about alerts."""
    bus = await nats.connect(mesh.nats_url)
    heard: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue()

    async def hear(message: Any) -> None:
        await heard.put((message.subject.split(".")[2], json.loads(message.data)))

    await bus.subscribe("gemba.alert.>", cb=hear)
    await bus.flush()
    yield heard
    await bus.close()


async def next_of(
    alerts: "asyncio.Queue[tuple[str, dict[str, Any]]]", device_id: int
) -> tuple[str, dict[str, Any]]:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            kind, alert = await alerts.get()
            if alert.get("device_id") == device_id:
                return kind, alert


async def test_breach_raises_one_alert_and_its_end_resolves_it(
    admin: httpx.AsyncClient,
    device: dict[str, Any],
    alerts: "asyncio.Queue[tuple[str, dict[str, Any]]]",
) -> None:
    url = f"/api/devices/{device['id']}"
    rule = {
        "parameters": {"kind": "threshold", "metric": "t", "above": 80, "hysteresis": 5},
        "severity": "critical",
    }
    made = await admin.post(f"{url}/rules/", json=rule)
    assert made.status_code == 201, made.text
    for value in (70, 90, 95, 78, 91):
        await admin.post(f"{url}/measurements/", json={"metric": "t", "value": value})
    kind, alert = await next_of(alerts, device["id"])
    assert kind == "raised"
    assert alert["severity"] == "critical"
    assert alert["source"] == "devices"
    assert alert["message"] == f"{device['name']}: t is 90, above 80"
    assert alert["resolved"] is False
    await admin.post(f"{url}/measurements/", json={"metric": "t", "value": 60})
    kind, ended = await next_of(alerts, device["id"])
    assert (kind, ended["id"], ended["resolved"]) == ("resolved", alert["id"], True)
    page = (await admin.get(f"{url}/alerts/")).json()
    assert page["count"] == 1
    assert page["results"][0]["id"] == alert["id"]
    assert (await admin.get(f"{url}/alerts/?resolved=false")).json()["count"] == 0


async def test_silent_device_raises_an_alert_until_it_is_heard(
    admin: httpx.AsyncClient,
    stranger: httpx.AsyncClient,
    device: dict[str, Any],
    token: str,
    alerts: "asyncio.Queue[tuple[str, dict[str, Any]]]",
) -> None:
    url = f"/api/devices/{device['id']}"
    old = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    await admin.post(f"{url}/measurements/", json={"metric": "t", "value": 1, "timestamp": old})
    rule = {"parameters": {"kind": "silence", "at_least_seconds": 30}}
    assert (await admin.post(f"{url}/rules/", json=rule)).status_code == 201
    kind, alert = await next_of(alerts, device["id"])
    assert (kind, alert["kind"]) == ("raised", "silence")
    await stranger.post(f"/api/v1/{token}/telemetry", json={"t": 1})
    assert (await next_of(alerts, device["id"]))[0] == "resolved"


async def test_removed_rule_ends_its_alert(
    admin: httpx.AsyncClient,
    device: dict[str, Any],
    alerts: "asyncio.Queue[tuple[str, dict[str, Any]]]",
) -> None:
    url = f"/api/devices/{device['id']}"
    await admin.post(f"{url}/measurements/", json={"metric": "t", "value": 1})
    rule = {"parameters": {"kind": "threshold", "metric": "t", "above": 0}}
    made = (await admin.post(f"{url}/rules/", json=rule)).json()
    assert (await next_of(alerts, device["id"]))[0] == "raised"
    assert (await admin.get(f"{url}/rules/")).json()["results"] == [made]
    assert (await admin.delete(f"{url}/rules/{made['id']}/")).status_code == 204
    assert (await next_of(alerts, device["id"]))[0] == "resolved"
    assert (await admin.get(f"{url}/rules/{made['id']}/")).json() == {"detail": "Not found."}


async def test_a_number_is_no_flag(admin: httpx.AsyncClient, device: dict[str, Any]) -> None:
    body = {"parameters": {"kind": "silence"}, "enabled": 0}
    response = await admin.post(f"/api/devices/{device['id']}/rules/", json=body)
    assert (response.status_code, list(response.json())) == (400, ["enabled"])


@pytest.mark.parametrize(
    "parameters",
    [
        {"kind": "magic"},
        {"kind": "threshold", "metric": "t"},
        {"kind": "threshold", "metric": "t", "above": 1, "below": 2},
        {"kind": "threshold", "metric": "", "above": 1},
        {"kind": "rate", "metric": "t", "per_minute": 0},
        {"kind": "silence", "intervals": 0},
        {"kind": "silence", "intervals": "5"},
        {"kind": "threshold", "metric": "t", "above": 1, "duration_seconds": False},
        {"kind": "threshold", "metric": "t", "above": 1, "extra": 1},
        None,
    ],
)
async def test_wrong_rule_is_refused(
    admin: httpx.AsyncClient, device: dict[str, Any], parameters: Any
) -> None:
    response = await admin.post(
        f"/api/devices/{device['id']}/rules/", json={"parameters": parameters}
    )
    assert response.status_code == 400
    assert all(name.startswith("parameters") for name in response.json())
