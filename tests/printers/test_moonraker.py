"""Moonraker behind its WebSocket: deltas, klippy going away, commands, a bad key."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.patience import eventually
from tests.printers.conftest import enqueue, register
from tests.printers.moonraker_host import MoonrakerHost


@pytest.fixture
async def host() -> AsyncIterator[MoonrakerHost]:
    """A Moonraker that wants a key."""
    host = MoonrakerHost(api_key="klipper-key")
    await host.start()
    yield host
    await host.stop()


@pytest.fixture
async def printer_id(host: MoonrakerHost, admin: httpx.AsyncClient) -> AsyncIterator[str]:
    """The printer behind it, linked."""
    printer = await register(
        admin, driver="moonraker", url=host.url, credentials={"api_key": "klipper-key"}
    )
    await shows(admin, printer["printer_id"], status="idle")
    yield printer["printer_id"]
    await admin.patch(f"/api/printers/{printer['printer_id']}", json={"driver": "api"})


async def shows(admin: httpx.AsyncClient, printer_id: str, **fields: Any) -> dict[str, Any]:
    """The printer as soon as it shows these fields."""

    async def ask() -> dict[str, Any] | None:
        shown: dict[str, Any] = (await admin.get(f"/api/printers/{printer_id}")).json()
        return shown if all(shown[name] == value for name, value in fields.items()) else None

    shown: dict[str, Any] = await eventually(ask, what=str(fields))
    return shown


async def newest(admin: httpx.AsyncClient, printer_id: str, status: str) -> dict[str, Any]:
    """The printer's newest print as soon as it has this state."""

    async def ask() -> dict[str, Any] | None:
        answer = await admin.get("/api/print-jobs", params={"printer_id": printer_id})
        found = answer.json()["results"]
        return found[0] if found and found[0]["status"] == status else None

    job: dict[str, Any] = await eventually(ask, what=status)
    return job


async def begin(host: MoonrakerHost, file: str = "dragon_0.2mm_PLA.gcode") -> None:
    """Klipper starts a print."""
    await host.change(
        print_stats={"state": "printing", "filename": file},
        extruder={"temperature": 208.0, "target": 210.0},
        heater_bed={"temperature": 60.0, "target": 60.0},
    )


async def test_a_klipper_print_is_followed_from_deltas_to_its_end(
    host: MoonrakerHost, printer_id: str, admin: httpx.AsyncClient
) -> None:
    queue_id = await enqueue(admin, printer_id=printer_id)
    await begin(host)
    job = await newest(admin, printer_id, "printing")
    assert job["print_queue_id"] == queue_id
    await host.change(
        virtual_sdcard={"progress": 0.25},
        print_stats={
            "print_duration": 600.0,
            "filament_used": 1250.5,
            "info": {"total_layer": 200, "current_layer": 50},
        },
        fan={"speed": 0.8},
    )

    async def is_there() -> dict[str, Any] | None:
        state = (await admin.get(f"/api/status/{job['id']}")).json()
        return state if state["progress_percentage"] == 25 else None

    state = await eventually(is_there)
    assert (
        state["metrics"]
        | {
            "hotend_temp": 208.0,
            "hotend_target": 210.0,
            "bed_temp": 60.0,
            "fan_speed_percentage": 80,
            "speed_percentage": 100,
            "current_layer": 50,
            "total_layers": 200,
            "filament_used_mm": 1250.5,
            "print_time_remaining_seconds": 1800,
        }
        == state["metrics"]
    )
    assert state["estimate_source"] == "printer"
    await host.change(print_stats={"state": "complete"}, virtual_sdcard={"progress": 1.0})
    done = await newest(admin, printer_id, "completed")
    assert done["progress_percentage"] == 100
    shown = await shows(admin, printer_id, status="idle")
    assert shown["filament_used_mm_total"] == 1250.5


async def test_klipper_pauses_resumes_and_cancels_on_command(
    host: MoonrakerHost, printer_id: str, admin: httpx.AsyncClient
) -> None:
    await begin(host)
    await newest(admin, printer_id, "printing")
    for command, status in (("pause", "paused"), ("resume", "printing"), ("cancel", "canceled")):
        answer = await admin.post(f"/api/printers/{printer_id}/commands", json={"command": command})
        assert answer.status_code == 200, answer.text
        assert answer.json()["state"] == "acknowledged"
        await newest(admin, printer_id, status)
    refused = await admin.post(f"/api/printers/{printer_id}/commands", json={"command": "fly"})
    assert refused.status_code == 400
    assert "command" in refused.json()["errors"]


async def test_an_error_of_klipper_fails_the_print_and_raises_one_alert(
    host: MoonrakerHost, printer_id: str, admin: httpx.AsyncClient
) -> None:
    await begin(host)
    await newest(admin, printer_id, "printing")
    await host.change(print_stats={"state": "error", "message": "Heater not heating"})
    job = await newest(admin, printer_id, "failed")
    assert job["message"] == "Heater not heating"
    path = f"/api/printers/{printer_id}/alerts?open=true"
    alerts = (await admin.get(path)).json()
    assert [(one["kind"], one["print_status_id"]) for one in alerts] == [
        ("print_failed", job["id"])
    ]
    assert "Heater not heating" in alerts[0]["message"]
    await begin(host, "next.gcode")
    await newest(admin, printer_id, "printing")
    assert (await admin.get(path)).json() == []


async def test_klippy_disconnecting_is_offline_with_the_link_up(
    host: MoonrakerHost, printer_id: str, admin: httpx.AsyncClient
) -> None:
    host.klippy = "disconnected"
    await host.notify("notify_klippy_disconnected")
    shown = await shows(admin, printer_id, status="offline")
    assert shown["link"]["state"] == "up"
    host.klippy = "ready"
    await host.notify("notify_klippy_ready")
    await shows(admin, printer_id, status="idle")


async def test_klippers_shutdown_is_an_error_until_it_is_ready_again(
    host: MoonrakerHost, printer_id: str, admin: httpx.AsyncClient
) -> None:
    host.klippy = "shutdown"
    await host.notify("notify_klippy_shutdown")
    shown = await shows(admin, printer_id, status="error")
    assert shown["link"]["state"] == "up"
    host.klippy = "ready"
    await host.notify("notify_klippy_ready")
    await shows(admin, printer_id, status="idle")


async def test_a_moonraker_that_restarts_is_met_again(
    host: MoonrakerHost, printer_id: str, admin: httpx.AsyncClient
) -> None:
    await begin(host)
    job = await newest(admin, printer_id, "printing")
    await host.stop()

    async def is_lost() -> bool:
        shown = (await admin.get(f"/api/printers/{printer_id}")).json()
        return bool(shown["link"]["state"] == "unreachable")

    await eventually(is_lost)
    await host.start()
    await shows(admin, printer_id, link={"state": "up", "error": None})
    await host.change(virtual_sdcard={"progress": 0.5})
    again = await newest(admin, printer_id, "printing")
    assert again["id"] == job["id"]


async def test_a_command_that_nothing_comes_of_is_not_acknowledged(
    admin: httpx.AsyncClient, launch: Any
) -> None:
    running = launch(GEMBA_PRINTER_COMMAND_WAIT_S="0.5", GEMBA_PRINTER_COMMAND_EXPIRY_S="1.5")
    host = MoonrakerHost(obeys=False)
    await host.start()
    async with running.client("admin") as admin:
        printer = await register(admin, driver="moonraker", url=host.url)
        printer_id = printer["printer_id"]
        await shows(admin, printer_id, status="idle")
        await begin(host)
        await newest(admin, printer_id, "printing")
        path = f"/api/printers/{printer_id}/commands"
        answer = await admin.post(path, json={"command": "pause"})
        assert answer.status_code == 202
        assert answer.json()["state"] == "sent"

        async def is_settled() -> dict[str, Any] | None:
            one: dict[str, Any] = (await admin.get(f"{path}/{answer.json()['id']}")).json()
            return one if one["state"] == "failed" else None

        assert (await eventually(is_settled))["error"]
    await host.stop()


async def test_a_bad_key_is_not_an_unreachable_host(
    host: MoonrakerHost, admin: httpx.AsyncClient
) -> None:
    printer = await register(
        admin, driver="moonraker", url=host.url, credentials={"api_key": "wrong"}
    )
    shown = await shows(admin, printer["printer_id"], status="error")
    assert shown["link"]["state"] == "auth_failed"
    assert "wrong" not in str(shown)
    await admin.delete(f"/api/printers/{printer['printer_id']}")
