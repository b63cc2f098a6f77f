"""Devices in the browser: found, charted, and brought in by the lines that are shown."""

import secrets
import subprocess
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.async_api import expect

from gemba_local.mesh import LocalMesh
from tests.dashboard.conftest import Enter


async def test_a_device_is_found_and_charted_over_any_range(enter: Enter) -> None:
    visit = await enter("viewer")
    page = await visit.to("/devices")
    await page.get_by_label("Search").fill("compressor 2")
    row = page.get_by_role("row", name="Compressor 2 (demo)")
    await expect(row).to_contain_text("online")
    await expect(row).to_contain_text("pressure")
    await page.get_by_role("link", name="Compressor 2 (demo)").click()
    await page.get_by_label("Metric").select_option("pressure")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.get_by_label("Range").select_option("Last day")
    await expect(page.locator(".chart canvas")).to_be_visible()
    await expect(page.get_by_text("points of")).to_be_visible()
    charted = [url for url in asked if "/measurements/" in url]
    assert charted
    plot = await page.locator(".u-over").bounding_box()
    assert plot is not None
    width = int(httpx.URL(charted[-1]).params["width"])
    assert abs(width - plot["width"]) < 40
    async with page.expect_download() as download:
        await page.get_by_role("link", name="CSV").click()
    assert (await download.value).suggested_filename.endswith(".csv")


async def test_the_lines_of_a_new_device_work_as_they_stand(floor: LocalMesh, enter: Enter) -> None:
    visit = await enter("supervisor")
    page = await visit.to("/devices/new")
    await page.get_by_label("Name", exact=True).fill("ab")
    await page.get_by_label("Name", exact=True).fill("Sensor of the test")
    await page.get_by_role("button", name="Add", exact=True).click()
    lines = page.locator(".code-line pre")
    await expect(lines).to_have_count(3)
    line: Any = await lines.nth(1).inner_text()
    assert line.startswith("curl -X POST http")
    door = urlsplit(floor.state["urls"]["mqtt"])
    assert f"-p {door.port} " in await lines.nth(2).inner_text()
    done = subprocess.run(
        ["bash", "-c", f"{line} -fsS"], capture_output=True, timeout=15, check=False
    )
    assert done.returncode == 0, done.stderr
    await page.get_by_role("link", name="To the device").click()
    await expect(page.locator(".figure b").first).to_contain_text("25.5")


@pytest.fixture
async def device_id(admin: httpx.AsyncClient) -> AsyncIterator[int]:
    """A device of this test's own."""
    made = await admin.post("/api/devices/", json={"name": f"Oven {secrets.token_hex(3)}"})
    device_id: int = made.json()["id"]
    yield device_id
    await admin.delete(f"/api/devices/{device_id}/")


async def test_a_rule_is_made_changed_and_removed_and_its_alert_shows_at_once(
    enter: Enter, admin: httpx.AsyncClient, device_id: int
) -> None:
    url = f"/api/devices/{device_id}"
    await admin.post(f"{url}/measurements/", json={"metric": "heat", "value": 70})
    visit = await enter("admin")
    page = await visit.to(f"/devices/{device_id}")
    rules = page.get_by_role("region", name="Rules")
    await expect(rules).to_contain_text("Nothing is watched yet.")
    await rules.get_by_role("button", name="Add a rule").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_label("Metric")).to_have_value("heat")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("above or below is required")
    visit.errors.clear()  # the rule that was refused
    await dialog.get_by_label("Above").fill("80")
    await dialog.get_by_label("Over once it is back by").fill("2.5")
    await dialog.get_by_label("Severity").select_option("critical")
    await dialog.get_by_role("button", name="Save").click()
    await expect(rules).to_contain_text("heat above 80")
    await expect(rules).to_contain_text("over once it is back by 2.5")
    await admin.post(f"{url}/measurements/", json={"metric": "heat", "value": 90})
    await expect(page.get_by_text("heat is 90, above 80")).to_be_visible()
    await rules.get_by_role("button", name="Edit: heat above 80").click()
    await expect(dialog.get_by_label("Above")).to_have_value("80")
    await dialog.get_by_label("What is watched").select_option("silence")
    await dialog.get_by_label("Silent for so many intervals").fill("5")
    await dialog.get_by_label("The rule is in force").uncheck()
    await dialog.get_by_role("button", name="Save").click()
    await expect(rules).to_contain_text("Silent for 5 of its own intervals")
    await expect(rules).to_contain_text("off")
    await expect(page.get_by_text("heat is 90, above 80")).to_have_count(0)
    [kept] = (await admin.get(f"{url}/rules/")).json()["results"]
    assert (kept["enabled"], kept["severity"], kept["parameters"]["intervals"]) == (
        False,
        "critical",
        5,
    )
    await rules.get_by_role("button", name="Remove: Silent").click()
    await page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    await expect(rules).to_contain_text("Nothing is watched yet.")


async def test_a_viewer_reads_rules_and_changes_none(
    enter: Enter, admin: httpx.AsyncClient, device_id: int
) -> None:
    url = f"/api/devices/{device_id}"
    rule = {"parameters": {"kind": "rate", "metric": "heat", "per_minute": 3}}
    assert (await admin.post(f"{url}/rules/", json=rule)).status_code == 201
    visit = await enter("viewer")
    page = await visit.to(f"/devices/{device_id}")
    rules = page.get_by_role("region", name="Rules")
    await expect(rules).to_contain_text("heat changes by more than 3 a minute")
    await expect(rules.get_by_role("button")).to_have_count(0)
