"""A real OctoPrint prints through our bridge: state, temperatures, commands, its death and return.

OctoPrint is not told of us: it is as PyPI has it, with the virtual printer that it brings.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.patience import eventually
from tests.printers.conftest import Running, enqueue, register
from tests.printers.octoprint_host import OctoPrintHost, gcode

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
async def host(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OctoPrintHost]:
    """OctoPrint with a printer connected."""
    host = OctoPrintHost(tmp_path_factory.mktemp("octoprint") / "base")
    await asyncio.to_thread(host.prepare)
    await asyncio.to_thread(host.start)
    yield host
    await asyncio.to_thread(host.close)


async def view(admin: httpx.AsyncClient, printer_id: str) -> dict[str, Any]:
    """The printer as a user sees it."""
    answer = await admin.get(f"/api/printers/{printer_id}")
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def until(admin: httpx.AsyncClient, printer_id: str, status: str) -> dict[str, Any]:
    """The printer as soon as it has this status."""

    async def ask() -> dict[str, Any] | None:
        shown = await view(admin, printer_id)
        return shown if shown["status"] == status else None

    shown: dict[str, Any] = await eventually(ask, what=status)
    return shown


async def job_until(admin: httpx.AsyncClient, printer_id: str, *statuses: str) -> dict[str, Any]:
    """The printer's newest print as soon as it has one of these states."""

    async def ask() -> dict[str, Any] | None:
        answer = await admin.get("/api/print-jobs", params={"printer_id": printer_id})
        found = answer.json()["results"]
        return found[0] if found and found[0]["status"] in statuses else None

    job: dict[str, Any] = await eventually(ask, what=f"{statuses}")
    return job


async def command(admin: httpx.AsyncClient, printer_id: str, name: str) -> httpx.Response:
    """Ask the printer for something."""
    return await admin.post(f"/api/printers/{printer_id}/commands", json={"command": name})


async def obeys(admin: httpx.AsyncClient, printer_id: str, name: str) -> None:
    """Ask, and wait until the printer's own state shows it; it empties its buffer first."""
    answer = await command(admin, printer_id, name)
    assert answer.status_code in (200, 202), answer.text
    path = f"/api/printers/{printer_id}/commands/{answer.json()['id']}"

    async def is_done() -> bool:
        state: str = (await admin.get(path)).json()["state"]
        assert state != "failed"
        return state == "acknowledged"

    await eventually(is_done, what=name)


@pytest.fixture
async def printer(host: OctoPrintHost, admin: httpx.AsyncClient) -> AsyncIterator[dict[str, Any]]:
    """The printer behind OctoPrint, as an operator registers it."""
    printer = await register(
        admin, driver="octoprint", url=host.url, credentials={"api_key": host.api_key}
    )
    yield printer
    host.call("POST", "/api/job", json={"command": "cancel"})
    await eventually(lambda: asyncio.to_thread(host.is_operational))
    await admin.patch(f"/api/printers/{printer['printer_id']}", json={"driver": "api"})


async def test_a_real_print_is_followed_commanded_and_completed(
    host: OctoPrintHost, printer: dict[str, Any], admin: httpx.AsyncClient, shared: Running
) -> None:
    printer_id = printer["printer_id"]
    assert host.api_key not in str(printer)
    assert printer["has_credentials"] is True
    shown = await until(admin, printer_id, "idle")
    assert shown["link"] == {"state": "up", "error": None}
    assert (await command(admin, printer_id, "pause")).status_code == 409

    queue_id = await enqueue(admin, printer_id=printer_id)
    await asyncio.to_thread(host.print_file, "dragon.gcode", gcode(250))
    shown = await until(admin, printer_id, "printing")
    job = await job_until(admin, printer_id, "printing")
    assert job["print_queue_id"] == queue_id
    assert job["product_name"] == "Miniatura de Dragão"

    async def is_hot() -> bool:
        state = (await admin.get(f"/api/status/{job['id']}")).json()
        return bool(
            state["metrics"].get("hotend_target") == 200
            and state["metrics"].get("hotend_temp", 0) > 100
            and state["progress_percentage"] > 0
        )

    await eventually(is_hot, what="heat and progress")

    await obeys(admin, printer_id, "pause")
    assert (await view(admin, printer_id))["status"] == "paused"
    assert host.call("GET", "/api/job").json()["state"] == "Paused"
    await obeys(admin, printer_id, "resume")
    done = await job_until(admin, printer_id, "completed", "failed")
    assert done["id"] == job["id"]
    assert (done["status"], done["progress_percentage"]) == ("completed", 100)
    points = (await admin.get(f"/api/print-jobs/{job['id']}/metrics")).json()["points"]
    assert max(point.get("hotend_temp", 0) for point in points) > 50
    progress = [point["progress"] for point in points if "progress" in point]
    assert progress == sorted(progress)
    assert len(progress) > 1
    commands = (await admin.get(f"/api/printers/{printer_id}/commands")).json()["results"]
    assert [(one["command"], one["state"]) for one in commands] == [
        ("resume", "acknowledged"),
        ("pause", "acknowledged"),
    ]
    assert {one["requested_by"] for one in commands} == {"a-admin"}
    assert host.api_key not in shared.log.read_text()


async def test_a_cancelled_print_is_canceled(
    host: OctoPrintHost, printer: dict[str, Any], admin: httpx.AsyncClient
) -> None:
    printer_id = printer["printer_id"]
    await until(admin, printer_id, "idle")
    await asyncio.to_thread(host.print_file, "vase.gcode", gcode(2000))
    await until(admin, printer_id, "printing")
    await obeys(admin, printer_id, "cancel")
    job = await job_until(admin, printer_id, "canceled")
    assert job["model_file"] == "vase.gcode"
    assert job["formatted_status"] == "Cancelado"
    await until(admin, printer_id, "idle")


async def test_octoprint_killed_in_mid_print_comes_back(
    host: OctoPrintHost, printer: dict[str, Any], admin: httpx.AsyncClient
) -> None:
    printer_id = printer["printer_id"]
    await until(admin, printer_id, "idle")
    await asyncio.to_thread(host.print_file, "tower.gcode", gcode(2000))
    job = await job_until(admin, printer_id, "printing")
    await asyncio.to_thread(host.kill)

    async def is_unreachable() -> bool:
        return bool((await view(admin, printer_id))["link"]["state"] == "unreachable")

    await eventually(is_unreachable, what="unreachable")
    kept = (await admin.get(f"/api/status/{job['id']}")).json()
    assert kept["status"] == "printing"
    await asyncio.to_thread(host.start)
    await until(admin, printer_id, "idle")
    ended = await job_until(admin, printer_id, "failed")
    assert ended["id"] == job["id"]
    alerts = (await admin.get(f"/api/printers/{printer_id}/alerts", params={"open": True})).json()
    assert [alert["kind"] for alert in alerts] == ["print_failed"]


async def test_a_bad_key_is_told_apart_from_an_unreachable_host(
    host: OctoPrintHost, admin: httpx.AsyncClient
) -> None:
    wrong = await register(
        admin, driver="octoprint", url=host.url, credentials={"api_key": "F" * 32}
    )
    dead = await register(
        admin, driver="octoprint", url="http://127.0.0.1:1", credentials={"api_key": "x"}
    )
    outside = await register(
        admin, driver="octoprint", url="http://169.254.169.254", credentials={"api_key": "x"}
    )

    for printer, state in ((wrong, "auth_failed"), (dead, "unreachable"), (outside, "refused")):
        printer_id = printer["printer_id"]

        async def is_so(printer_id: str = printer_id, state: str = state) -> bool:
            return bool((await view(admin, printer_id))["link"]["state"] == state)

        await eventually(is_so, what=state)
        refused = await command(admin, printer_id, "pause")
        assert refused.status_code == 409
        await admin.delete(f"/api/printers/{printer_id}")
