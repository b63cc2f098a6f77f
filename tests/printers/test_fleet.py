"""Printers and their queue as an operator keeps them, keys, rights, offline, alerts, history."""

import asyncio
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.callers import calling
from tests.patience import eventually
from tests.printers.conftest import Make, Owner, Running, enqueue, register


async def test_a_printer_is_registered_read_changed_and_removed(admin: httpx.AsyncClient) -> None:
    made = await register(admin, model="Ender 3 V2", location="Sala 2", name="  Impressora 1 ")
    printer_id = made["printer_id"]
    key = made.pop("api_key")
    assert made["name"] == "Impressora 1"
    assert (made["driver"], made["status"], made["last_seen_at"]) == ("api", "offline", None)
    path = f"/api/printers/{printer_id}"
    shown = await admin.get(path + "/")
    assert shown.json() == made
    assert key not in (await admin.get("/api/printers")).text
    again = await admin.post("/api/printers", json={"printer_id": printer_id, "name": "x"})
    assert again.status_code == 409
    changed = await admin.patch(path, json={"location": "Sala 3"})
    assert (changed.json()["location"], changed.json()["model"]) == ("Sala 3", "Ender 3 V2")
    assert (await admin.patch(path, json={"driver": "octoprint"})).status_code == 400
    assert (await admin.delete(path)).status_code == 204
    gone = await admin.get(path)
    assert gone.status_code == 404
    assert gone.json() == {"success": False, "message": "Impressora não encontrada."}


@pytest.mark.parametrize(
    "fields",
    [
        {"printer_id": ""},
        {"printer_id": "a b"},
        {"printer_id": "x" * 65},
        {"name": " "},
        {"driver": "usb"},
        {"driver": "octoprint"},
        {"url": "ftp://x"},
        {"url": "http://user:pw@10.0.0.1"},
        {"url": "http://[::1"},
        {"credentials": {"api_key": 5}},
        {"credentials": "secret"},
        {"camera": {"snapshot_url": "x", "pipeline_config": {}}},
    ],
)
async def test_bad_printers_are_400(admin: httpx.AsyncClient, fields: dict[str, Any]) -> None:
    body = {"printer_id": f"P-{secrets.token_hex(4)}", "name": "x", **fields}
    answer = await admin.post("/api/printers", json=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["success"] is False
    assert answer.json()["errors"]


async def test_credentials_are_never_shown(admin: httpx.AsyncClient, shared: Running) -> None:
    secret = secrets.token_hex(16)
    made = await register(
        admin, driver="octoprint", url="http://127.0.0.1:1", credentials={"api_key": secret}
    )
    path = f"/api/printers/{made['printer_id']}"
    changed = await admin.patch(path, json={"name": "y"})
    listed = await admin.get("/api/printers", params={"page_size": 100})
    for text in (str(made), changed.text, listed.text, shared.log.read_text()):
        assert secret not in text
    assert changed.json()["has_credentials"] is True
    cleared = await admin.patch(path, json={"credentials": {}})
    assert cleared.json()["has_credentials"] is False
    await admin.delete(path)


async def test_a_rotated_key_replaces_the_old_one(owner: Owner, admin: httpx.AsyncClient) -> None:
    path = f"/api/status/printer/{owner.printer_id}"
    fresh = (await admin.post(f"/api/printers/{owner.printer_id}/rotate-key")).json()["api_key"]
    old = await owner.client.get(path, params={"api_key": owner.api_key})
    assert old.status_code == 401
    assert (await owner.client.get(path, params={"api_key": fresh})).status_code == 200


async def test_the_mesh_asks_whose_a_key_is(
    owner: Owner, shared: Running, admin: httpx.AsyncClient
) -> None:
    body = {"printer_id": owner.printer_id, "api_key": owner.api_key}
    async with shared.client("service") as service:
        right = await service.post("/internal/verify-key", json=body)
        assert (right.status_code, right.json()) == (200, {"printer_id": owner.printer_id})
        wrong = await service.post("/internal/verify-key", json={**body, "api_key": "x"})
        assert wrong.status_code == 401
    assert (await admin.post("/internal/verify-key", json=body)).status_code == 403
    assert (await owner.client.post("/internal/verify-key", json=body)).status_code == 401


async def test_rights(shared: Running, stranger: httpx.AsyncClient) -> None:
    body = {"printer_id": f"P-{secrets.token_hex(4)}", "name": "x"}
    async with shared.client("viewer") as viewer, shared.client("supervisor") as supervisor:
        assert (await viewer.get("/api/printers")).status_code == 200
        refused = await viewer.post("/api/printers", json=body)
        assert refused.status_code == 403
        assert refused.json()["success"] is False
        assert (await supervisor.post("/api/printers", json=body)).status_code == 201
        path = f"/api/printers/{body['printer_id']}/commands"
        assert (await viewer.post(path, json={"command": "pause"})).status_code == 403
    for path in ("/api/printers", "/api/print-queue", "/api/print-jobs"):
        answer = await stranger.get(path)
        assert answer.status_code == 401
        assert answer.json()["message"] == "Autenticação necessária."


async def test_the_queue_is_kept(owner: Owner, admin: httpx.AsyncClient) -> None:
    item_id = await enqueue(admin)
    path = f"/api/print-queue/{item_id}"
    shown = (await admin.get(path)).json()
    assert (shown["product_name"], shown["status"]) == ("Miniatura de Dragão", None)
    changed = await admin.patch(path, json={"printer_id": owner.printer_id})
    assert changed.json()["printer_id"] == owner.printer_id
    nobody = await admin.patch(path, json={"printer_id": "nobody"})
    assert nobody.status_code == 400
    assert nobody.json()["errors"] == {"printer_id": ["Impressora não encontrada."]}
    job_id = await owner.start(item_id)
    shown = (await admin.get(path)).json()
    assert (shown["print_status_id"], shown["status"]) == (job_id, "pending")
    assert (await admin.patch(path, json={"product_name": "x"})).status_code == 409
    assert (await admin.delete(path)).status_code == 409
    assert (await admin.delete(f"/api/printers/{owner.printer_id}")).status_code == 409
    await owner.update(job_id, status="canceled")
    assert (await admin.delete(path)).status_code == 204
    assert (await admin.get(path)).status_code == 404
    assert (await admin.get(f"/api/status/{job_id}")).json()["print_queue_id"] is None
    page = (await admin.get("/api/print-queue", params={"page_size": 1})).json()
    assert page.keys() == {"count", "next", "previous", "results"}
    assert (await admin.get("/api/print-queue", params={"page": 999})).status_code == 404


async def test_history_is_bounded_and_keeps_its_shape(launch: Make) -> None:
    running = launch(GEMBA_PRINTER_POINTS="20")
    async with running.client("admin") as admin, calling(running.url) as client:
        printer = await register(admin)
        owner = Owner(client, printer["printer_id"], printer["api_key"])
        job_id = await owner.start(await enqueue(admin))
        began = datetime.now(UTC) + timedelta(seconds=1)
        for number in range(150):
            await owner.update(
                job_id,
                status="printing",
                progress=number / 2,
                metrics={"hotend_temp": 200 + number % 2, "current_layer": number},
                timestamp=(began + timedelta(seconds=number)).isoformat(),
            )
        history = (await admin.get(f"/api/print-jobs/{job_id}/metrics")).json()
    assert history["print_status_id"] == job_id
    assert 10 <= len(history["points"]) <= 20
    layers = [point["current_layer"] for point in history["points"]]
    assert layers == sorted(layers)
    assert layers[-1] == 149
    assert all(199 < point["hotend_temp"] < 202 for point in history["points"])
    times = [point["timestamp_utc"] for point in history["points"]]
    assert times == sorted(times)


async def test_a_silent_printer_is_offline_with_one_alert_and_comes_back(launch: Make) -> None:
    running = launch(GEMBA_PRINTER_SILENCE_S="1")
    async with running.client("admin") as admin, calling(running.url) as client:
        printer = await register(admin)
        printer_id = printer["printer_id"]
        owner = Owner(client, printer_id, printer["api_key"])
        job_id = await owner.start(await enqueue(admin))
        await owner.update(job_id, status="printing", progress=10)

        async def shown(status: str) -> dict[str, Any] | None:
            one: dict[str, Any] = (await admin.get(f"/api/printers/{printer_id}")).json()
            return one if one["status"] == status else None

        offline = await eventually(lambda: shown("offline"))
        assert offline["current_job"]["status"] == "printing"
        assert offline["ages"]["printer_seconds"] >= 1
        path = f"/api/printers/{printer_id}/alerts?open=true"
        alerts = (await admin.get(path)).json()
        assert [(one["kind"], one["severity"]) for one in alerts] == [
            ("offline_in_job", "critical")
        ]
        assert printer_id in alerts[0]["message"]
        await owner.update(job_id, progress=11)
        assert (await shown("printing")) is not None
        assert (await admin.get(path)).json() == []


async def test_a_heater_that_leaves_its_target_raises_one_alert(launch: Make) -> None:
    running = launch(GEMBA_PRINTER_RUNAWAY_S="30")
    async with running.client("admin") as admin, calling(running.url) as client:
        printer = await register(admin)
        owner = Owner(client, printer["printer_id"], printer["api_key"])
        job_id = await owner.start(await enqueue(admin))
        at = datetime.now(UTC) + timedelta(seconds=1)

        async def heat(seconds: int, temp: float) -> list[str]:
            await owner.update(
                job_id,
                status="printing",
                metrics={"hotend_temp": temp, "hotend_target": 210},
                timestamp=(at + timedelta(seconds=seconds)).isoformat(),
            )
            path = f"/api/printers/{owner.printer_id}/alerts?open=true"
            return [one["kind"] for one in (await admin.get(path)).json()]

        for second in range(0, 100, 5):
            assert await heat(second, 25 + 2 * second) == [], "it is on its way"
        for second in range(100, 130, 5):
            assert await heat(second, 150) == []
        for second in range(130, 150, 5):
            assert await heat(second, 150) == ["temperature_runaway"]
        assert await heat(150, 209) == []


async def test_an_estimate_comes_from_earlier_prints_of_the_same_file(
    owner: Owner, admin: httpx.AsyncClient
) -> None:
    model = f"vase-{secrets.token_hex(4)}.stl"
    first = await owner.start(await enqueue(admin, model_file=model))
    at = datetime.now(UTC)
    await owner.update(first, status="printing", timestamp=(at + timedelta(seconds=1)).isoformat())
    await owner.update(
        first, status="completed", timestamp=(at + timedelta(seconds=241)).isoformat()
    )
    second = await owner.start(await enqueue(admin, model_file=model))
    state = await owner.update(second, status="printing", progress=0)
    assert state["estimate_source"] == "history"
    left = datetime.fromisoformat(state["estimated_completion_utc"]) - datetime.now(UTC)
    assert 200 < left.total_seconds() < 245
    at = datetime.now(UTC)
    for seconds, progress in ((1, 1), (101, 50)):
        state = await owner.update(
            second,
            progress=progress,
            timestamp=(at + timedelta(seconds=seconds)).isoformat(),
        )
    assert state["estimate_source"] == "progress"


async def test_many_printers_at_once_do_not_disturb_each_other(admin: httpx.AsyncClient) -> None:
    made = await asyncio.gather(*(register(admin) for _ in range(20)))
    assert len({one["api_key"] for one in made}) == 20
