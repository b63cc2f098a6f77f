"""Settings: typed, merged, versioned, audited, and obeyed at once by every process."""

import logging
from typing import Any

import httpx
import pytest

from tests.cluster.conftest import Make, Running
from tests.patience import eventually

DEFAULTS = {
    "sampling_interval_seconds": 10,
    "alert_thresholds": {"cpu_percent": 90.0, "memory_percent": 90.0, "disk_percent": 90.0},
    "log_level": "INFO",
    "log_retention_hours": 168,
    "metrics_retention_days": 30,
}


async def current(client: httpx.AsyncClient) -> dict[str, Any]:
    body: dict[str, Any] = (await client.get("/settings")).json()
    return body


async def test_a_change_is_merged_versioned_and_audited(launch: Make) -> None:
    running = launch()
    async with running.client("admin", subject="u-1") as admin:
        assert await current(admin) == DEFAULTS
        answer = await admin.post("/api/settings/", json={"alert_thresholds": {"cpu_percent": 75}})
        assert answer.status_code == 200, answer.text
        thresholds = {"cpu_percent": 75.0, "memory_percent": 90.0, "disk_percent": 90.0}
        expected = {**DEFAULTS, "alert_thresholds": thresholds}
        assert answer.json() == expected == await current(admin)
        assert answer.headers["X-Settings-Version"] == "1"
        await admin.post("/settings", json={"log_retention_hours": 24, "log_level": "warning"})
        history = (await admin.get("/settings/history")).json()
        assert [one["version"] for one in history] == [2, 1]
        assert history[0]["changes"] == {
            "log_level": ["INFO", "WARNING"],
            "log_retention_hours": [168, 24],
        }
        assert history[1]["changes"] == {"alert_thresholds.cpu_percent": [90.0, 75.0]}
        assert {one["changed_by"] for one in history} == {"u-1"}
        # What is read may be written back: nothing changes, and no version is made.
        assert (await admin.post("/settings", json=await current(admin))).status_code == 200
        assert len((await admin.get("/settings/history")).json()) == 2
    assert "settings changed by u-1" in running.log.read_text()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"colour": "red"}, "colour"),
        ({"alert_thresholds": {"gpu_percent": 5}}, "gpu_percent"),
        ({"sampling_interval_seconds": "5"}, "sampling_interval_seconds"),
        ({"sampling_interval_seconds": 0}, "sampling_interval_seconds"),
        ({"sampling_interval_seconds": 3601}, "sampling_interval_seconds"),
        ({"sampling_interval_seconds": 1.5}, "sampling_interval_seconds"),
        ({"sampling_interval_seconds": True}, "sampling_interval_seconds"),
        ({"sampling_interval_seconds": None}, "sampling_interval_seconds"),
        ({"alert_thresholds": {"cpu_percent": 0.5}}, "cpu_percent"),
        ({"alert_thresholds": {"disk_percent": 101}}, "disk_percent"),
        ({"alert_thresholds": 90}, "alert_thresholds"),
        ({"log_level": "LOUD"}, "log_level"),
        ({"log_retention_hours": 721}, "log_retention_hours"),
        ({"metrics_retention_days": 366}, "metrics_retention_days"),
        ({"log_retention_hours": 24, "metrics_retention_days": 0}, "metrics_retention_days"),
    ],
)
async def test_a_wrong_value_is_422_named_and_changes_nothing(
    admin: httpx.AsyncClient, body: dict[str, Any], field: str
) -> None:
    before = await current(admin)
    answer = await admin.post("/settings", json=body)
    assert answer.status_code == 422, answer.text
    assert any(field in one["loc"] for one in answer.json()["detail"]), answer.text
    assert await current(admin) == before


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"log_retention_hours": NaN}'])
async def test_a_body_that_is_no_object_is_422(admin: httpx.AsyncClient, content: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await admin.post("/settings", content=content, headers=headers)
    assert answer.status_code == 422
    assert "detail" in answer.json()


async def test_every_process_obeys_at_once_and_so_does_one_that_starts_later(
    launch: Make,
) -> None:
    running = launch()
    level = logging.getLogger().level
    try:
        async with running.client("admin") as admin, running.member("drills") as drills:

            async def known() -> Any:
                return "drills" in (await admin.get("/cluster/status")).json()["services"]

            await eventually(known, what="the beacon")
            body = {"log_level": "ERROR", "sampling_interval_seconds": 1}
            assert (await admin.post("/settings", json=body)).status_code == 200

            async def obeys() -> bool:
                return drills.tuning.version == 1

            await eventually(obeys, what="obedience")
            assert drills.tuning.log_level == "ERROR"
            assert logging.getLogger().level == logging.ERROR
            async with running.member("mills") as mills:

                async def obeys_too() -> bool:
                    return mills.tuning.version == 1

                await eventually(obeys_too, what="the newcomer's obedience")
    finally:
        logging.getLogger().setLevel(level)


async def test_every_replica_has_the_new_settings(launch: Make) -> None:
    first = launch()
    second = launch(database_url=first.database_url)
    async with first.client("admin") as one, second.client("admin") as other:
        await one.post("/settings", json={"metrics_retention_days": 7})
        assert (await current(other))["metrics_retention_days"] == 7
        await other.post("/settings", json={"log_retention_hours": 12})
        settings = await current(one)
        assert (settings["metrics_retention_days"], settings["log_retention_hours"]) == (7, 12)


async def test_a_threshold_is_obeyed_at_once(shared: Running, admin: httpx.AsyncClient) -> None:
    component = "host:"

    async def open_memory_alert() -> list[dict[str, Any]]:
        alerts = (await admin.get("/alerts?resolved=false")).json()
        return [
            one
            for one in alerts
            if one["component"].startswith(component) and one["message"].startswith("Memory")
        ]

    async def has_samples() -> Any:
        return (await admin.get("/metrics/system")).json()

    await eventually(has_samples, what="a sample")
    assert not await open_memory_alert()
    await admin.post("/settings", json={"alert_thresholds": {"memory_percent": 1}})
    found = await eventually(open_memory_alert, what="the alert")
    assert (found[0]["severity"], found[0]["source"]) == ("warning", "cluster")
    assert len(found) == 1
    await admin.post("/settings", json={"alert_thresholds": {"memory_percent": 100}})

    async def has_ended() -> bool:
        return not await open_memory_alert()

    await eventually(has_ended, what="the alert's end")
    alerts = (await admin.get("/alerts?resolved=true")).json()
    assert found[0]["id"] in [one["id"] for one in alerts]
