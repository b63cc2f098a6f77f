"""Printers in the browser: the wall moves, and a print is paused from here."""

import secrets
from collections.abc import AsyncIterator

import httpx
import pytest
from playwright.async_api import expect

from tests.dashboard.conftest import Enter
from tests.printers.conftest import register
from tests.printers.moonraker_host import MoonrakerHost


@pytest.fixture
async def host() -> AsyncIterator[MoonrakerHost]:
    """A printer that really prints, behind a Moonraker."""
    host = MoonrakerHost()
    await host.start()
    await host.change(
        print_stats={"state": "printing", "filename": "dragon.gcode", "print_duration": 60.0},
        virtual_sdcard={"progress": 0.25, "is_active": True},
        extruder={"temperature": 210.4, "target": 210.0},
    )
    yield host
    await host.stop()


async def test_an_operator_adds_a_printer_and_pauses_it(
    enter: Enter, host: MoonrakerHost, admin: httpx.AsyncClient
) -> None:
    printer_id = f"klipper-{secrets.token_hex(3)}"
    visit = await enter("supervisor")
    page = await visit.to("/printers/new")
    await page.get_by_text("Moonraker / Klipper").click()
    await expect(page.get_by_text("trusted_clients")).to_be_visible()
    await page.get_by_label("Id", exact=True).fill(printer_id)
    await page.get_by_label("Name", exact=True).fill("Klipper of the test")
    await page.get_by_label("Address", exact=True).fill(host.url)
    await page.get_by_role("button", name="Add", exact=True).click()
    await expect(page.get_by_text("Its key is shown this once.")).to_be_visible()
    await page.get_by_role("link", name="To the printer").click()
    await expect(page.get_by_text("printing").first).to_be_visible()
    await page.get_by_role("button", name="Pause").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("Pause this print?")
    await dialog.get_by_role("button", name="Keep as it is").click()
    assert "printer.print.pause" not in host.calls
    await page.get_by_role("button", name="Pause").click()
    await dialog.get_by_role("button", name="Pause").click()
    await expect(page.get_by_text("The printer has done it.")).to_be_visible()
    await expect(page.get_by_role("button", name="Resume")).to_be_visible()
    assert host.calls.count("printer.print.pause") == 1
    await host.change(print_stats={"state": "cancelled"})
    await expect(page.get_by_text("It prints nothing now.")).to_be_visible()
    removed = await admin.delete(f"/api/printers/{printer_id}")
    assert removed.status_code == 204, removed.text


async def test_the_wall_moves_and_says_that_a_print_is_paused(
    enter: Enter, host: MoonrakerHost, admin: httpx.AsyncClient
) -> None:
    # A printer of the test: those of the demo floor pause as they please.
    name = f"Klipper {secrets.token_hex(3)}"
    printer = await register(admin, name=name, driver="moonraker", url=host.url)
    visit = await enter("viewer")
    page = await visit.to("/printers")
    card = page.locator("a.card", has_text=name)
    await expect(card.locator("b")).to_have_text("25 %")
    await host.change(virtual_sdcard={"progress": 0.387})
    await expect(card.locator("b")).to_have_text("38.7 %")
    await expect(card).to_contain_text("210.4 / 210 °C")
    await expect(card.locator(".ages")).to_contain_text("printer")
    await host.change(print_stats={"state": "paused"})
    await expect(card).to_contain_text("paused")
    await host.change(print_stats={"state": "cancelled"})
    await expect(card).to_contain_text("No print.")
    removed = await admin.delete(f"/api/printers/{printer['printer_id']}")
    assert removed.status_code == 204, removed.text
