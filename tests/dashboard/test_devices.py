"""Devices in the browser: found, charted, and brought in by the lines that are shown."""

import subprocess
from typing import Any
from urllib.parse import urlsplit

import httpx
from playwright.async_api import expect

from gemba_local.mesh import LocalMesh
from tests.dashboard.conftest import Enter


async def test_a_device_is_found_and_charted_over_any_range(enter: Enter) -> None:
    visit = await enter("viewer")
    page = await visit.to("/devices")
    await page.get_by_label("Search").fill("compressor 2")
    row = page.get_by_role("row", name="Compressor 2 (demo)")
    await expect(row).to_contain_text("online", timeout=30_000)
    await expect(row).to_contain_text("pressure", timeout=15_000)
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
