"""Vision in the browser: pipelines built, tried and run, streams watched."""

import re
from pathlib import Path
from typing import Any

import httpx
from playwright.async_api import Page, expect

from tests.dashboard.conftest import Enter

DEMO = Path(__file__).parents[2] / "demo"
BOTTLES = DEMO / "pictures" / "bottles.jpg"


def port(page: Page, side: str, name: str) -> Any:
    tool, _, which = name.rpartition(".")
    return page.locator(f'[data-port="{side}/{tool}/{which}"]')


async def drag(page: Page, start: Any, end: Any) -> None:
    """Drag a wire from one port's dot to another's."""
    await start.scroll_into_view_if_needed()
    one, other = await start.locator("i").bounding_box(), await end.locator("i").bounding_box()
    await page.mouse.move(one["x"] + 4, one["y"] + 4)
    await page.mouse.down()
    await page.mouse.move(other["x"] - 15, other["y"], steps=4)
    await page.mouse.move(other["x"] + 4, other["y"] + 4, steps=3)
    await page.mouse.up()


async def press(start: Any, end: Any) -> None:
    """Join two ports by the keyboard alone."""
    await start.focus()
    await start.press("Enter")
    await end.focus()
    await end.press("Enter")


async def build_caps(page: Page) -> None:
    """Source, colour filter and blobs, joined by mouse and by keyboard."""
    tools = page.get_by_role("region", name="Tools")
    for name in ("image source", "color filter", "blob detection"):
        await tools.last.get_by_role("button", name=name, exact=True).click()
    await page.get_by_role("button", name="Tidy up").click()
    await drag(
        page, port(page, "out", "image_source.image"), port(page, "in", "color_filter.image")
    )
    await press(port(page, "out", "color_filter.mask"), port(page, "in", "blob_detection.image"))
    await page.locator(".node-head", has_text="color_filter").click()
    for bound, values in (("lower", (110, 200, 100)), ("upper", (130, 255, 255))):
        for place, value in enumerate(values, 1):
            await page.get_by_label(f"{bound} {place}").fill(str(value))


async def test_a_pipeline_is_built_tried_on_a_picture_and_run(enter: Enter) -> None:
    visit = await enter("supervisor")
    page = await visit.to("/vision/editor")
    await build_caps(page)
    await expect(page.get_by_text("This pipeline can run.")).to_be_visible()
    async with page.expect_file_chooser() as chooser:
        await page.get_by_role("button", name="Try on a picture…").click()
    await (await chooser.value).set_files(BOTTLES)
    trial = page.get_by_role("region", name="Trial")
    await expect(trial.get_by_text("completed")).to_be_visible()
    await expect(trial.locator("dl.facts")).to_contain_text("blob count")
    shapes = trial.locator("svg.shapes")
    await expect(shapes.locator("polygon").last).to_be_visible()
    toggle = trial.get_by_role("button", name="color_filter")
    before = await shapes.locator("g").count()
    await toggle.click()
    await expect(toggle).to_have_attribute("aria-pressed", "false")
    assert await shapes.locator("g").count() < before
    await expect(page.get_by_text("Output of the trial")).to_be_visible()
    await page.get_by_label("Name", exact=True).fill("Caps by hand")
    await page.get_by_role("button", name="Save").click()
    await page.get_by_role("button", name="Run", exact=True).click()
    await expect(page.get_by_role("heading", name="Caps by hand")).to_be_visible()
    await expect(page.get_by_text("completed").first).to_be_visible()


async def test_ports_of_other_types_and_circles_are_refused(enter: Enter) -> None:
    visit = await enter("supervisor")
    page = await visit.to("/vision/editor")
    tools = page.get_by_role("region", name="Tools").last
    for name in ("image source", "blur", "blur"):
        await tools.get_by_role("button", name=name, exact=True).click()
    await page.get_by_role("button", name="Tidy up").click()
    await press(port(page, "out", "image_source.width"), port(page, "in", "blur.image"))
    await expect(page.get_by_text("number does not fit: blur.image takes")).to_be_visible()
    await press(port(page, "out", "blur.image"), port(page, "in", "blur_2.image"))
    await press(port(page, "out", "blur_2.image"), port(page, "in", "blur.image"))
    await expect(page.get_by_text("This would make a circle.")).to_be_visible()
    await expect(page.locator(".wires path")).to_have_count(1)
    await port(page, "in", "blur_2.image").press("Enter")
    await expect(page.locator(".wires path")).to_have_count(0)


async def test_a_stream_is_watched_and_its_overlays_switched_off(enter: Enter) -> None:
    visit = await enter("viewer")
    page = await visit.to("/vision/inspections?status=processing")
    await page.get_by_role("link", name="Bolt size sorting").first.click()
    picture = page.locator(".picture img")
    await expect(picture).to_have_attribute("src", re.compile(r"^blob:"))
    first = await picture.get_attribute("src")
    await expect(picture).not_to_have_attribute("src", first or "")
    await expect(page.locator("svg.shapes")).to_be_visible()
    await page.get_by_role("button", name="All overlays").click()
    await expect(page.locator("svg.shapes g")).to_have_count(0)
    await expect(page.get_by_text("Time per tool")).to_be_visible()
    await expect(page.get_by_text("holds the lease")).to_be_visible()


async def test_pipelines_leave_and_come_back_as_files(enter: Enter, tmp_path: Path) -> None:
    visit = await enter("supervisor")
    page = await visit.to("/vision/editor")
    async with page.expect_file_chooser() as chooser:
        await page.get_by_role("button", name="Import").click()
    await (await chooser.value).set_files(DEMO / "pipelines" / "bolt_sorting.json")
    await expect(page.get_by_label("Name", exact=True)).to_have_value("Bolt size sorting")
    await expect(page.locator(".node")).to_have_count(6)
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Export").click()
    assert (await download.value).suggested_filename == "Bolt_size_sorting.json"


async def test_a_machine_shows_its_load_and_what_it_measured(
    enter: Enter, admin: httpx.AsyncClient
) -> None:
    machine = (await admin.get("/api/v1/machines/")).json()["results"][0]
    visit = await enter("viewer")
    page = await visit.to("/vision/machines")
    await page.get_by_text(machine["name"]).click()
    await expect(page.get_by_text("Measured capability")).to_be_visible()
    await expect(page.get_by_text("canny 1080p")).to_be_visible()
    await expect(page.locator(".chart canvas")).to_be_visible()
    await expect(page.get_by_text("Take out of service")).to_have_count(0)
