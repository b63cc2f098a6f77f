"""The floor in the browser: zones drawn, people seen, alerts acknowledged."""

import secrets
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from playwright.async_api import expect

from tests.dashboard.conftest import Enter


@pytest.fixture
async def camera(admin: httpx.AsyncClient) -> str:
    """A camera of the test's own."""
    camera_id = f"cam-{secrets.token_hex(3)}"
    body = {
        "camera_id": camera_id,
        "name": f"Camera {camera_id}",
        "rtsp_url": "rtsp://camera.invalid/1",
        "resolution": "1280x720",
    }
    assert (await admin.post("/api/v1/cameras", json=body)).status_code == 201
    return camera_id


async def test_a_supervisor_draws_a_zone_and_moves_its_corner(
    enter: Enter, camera: str, admin: httpx.AsyncClient
) -> None:
    zone_id = f"z-{secrets.token_hex(3)}"
    visit = await enter("supervisor")
    page = await visit.to(f"/floor?camera={camera}")
    await page.get_by_role("button", name="Draw a zone").click()
    stage = await page.locator("svg.zones").bounding_box()
    assert stage is not None
    for x, y in ((0.2, 0.3), (0.6, 0.3), (0.6, 0.8), (0.2, 0.8)):
        await page.mouse.click(stage["x"] + x * stage["width"], stage["y"] + y * stage["height"])
    await expect(page.locator(".corner")).to_have_count(4)
    await page.locator(".corner").nth(2).focus()
    await page.keyboard.press("ArrowRight")
    await page.get_by_label("Id", exact=True).fill(zone_id)
    await page.get_by_label("Name", exact=True).fill("Drawn by hand")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("The zone is saved.")).to_be_visible()
    await expect(page.locator("svg.zones text")).to_contain_text("Drawn by hand")
    zone = (await admin.get(f"/api/v1/zones/{zone_id}")).json()
    wanted = [[256, 216], [768, 216], [776, 576], [256, 576]]
    for corner, (x, y) in zip(zone["polygon_coords"], wanted, strict=True):
        assert abs(corner[0] - x) <= 3
        assert abs(corner[1] - y) <= 3


async def test_people_are_seen_in_their_zones_and_over_time(enter: Enter) -> None:
    visit = await enter("viewer")
    page = await visit.to("/floor?camera=demo-hall")
    await expect(page.get_by_text("Draw a zone")).to_have_count(0)
    assembly = page.locator("section.card", has_text="Assembly (demo)")
    await expect(assembly.locator(".lines li").first).to_be_visible()
    await visit.to("/floor/sessions")
    await expect(page.locator(".timeline .strip i").first).to_be_visible()
    await expect(page.get_by_text("สมชาย ใจดี").first).to_be_visible()
    await visit.to("/floor/metrics?zone=demo-assembly")
    await expect(page.locator(".hour-bars li").first).to_be_visible()


async def test_a_supervisor_acknowledges_an_alert(
    enter: Enter, camera: str, admin: httpx.AsyncClient
) -> None:
    zone_id = f"z-{secrets.token_hex(3)}"
    corners = [[0, 0], [1280, 0], [1280, 720], [0, 720]]
    zone = {"zone_id": zone_id, "camera_id": camera, "name": "Small room", "max_workers": 1}
    made = await admin.post("/api/v1/zones", json=zone | {"polygon_coords": corners})
    assert made.status_code == 201, made.text
    await crowd(admin, camera)
    visit = await enter("supervisor")
    page = await visit.to("/floor/alerts")
    alert = page.locator("li.card", has_text=zone_id)
    await expect(alert.first).to_be_visible()
    await alert.first.get_by_role("button", name="Acknowledge").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("What is done about it").fill("Sent one of them to lunch")
    await dialog.get_by_role("button", name="Acknowledge").click()
    await expect(alert.first).to_contain_text("Sent one of them to lunch")
    viewer = await enter("viewer")
    shown = await viewer.to("/floor/alerts")
    await expect(shown.locator("li.card", has_text=zone_id).first).to_be_visible()
    await expect(shown.get_by_role("button", name="Acknowledge")).to_have_count(0)


async def crowd(admin: httpx.AsyncClient, camera: str) -> None:
    """Three people in a room for one, for long enough to be told."""
    now = datetime.now(UTC).timestamp()
    frames: list[dict[str, Any]] = []
    for second in range(50):
        tracks = [
            {"track_id": track, "bbox": [x, 300, x + 60, 500], "confidence": 0.9, "motion": 0.5}
            for track, x in ((1, 200), (2, 500), (3, 800))
        ]
        moment = datetime.fromtimestamp(now - 50 + second, UTC).isoformat()
        frames.append({"timestamp": moment, "frame_id": second, "tracks": tracks})
    body = {"camera_id": camera, "frames": frames}
    answer = await admin.post("/api/v1/observations", json=body)
    assert answer.status_code == 202, answer.text


async def test_the_daily_report_is_taken_away_as_pdf(enter: Enter) -> None:
    visit = await enter("viewer")
    page = await visit.to("/floor/report")
    await expect(page.get_by_text("hours active")).to_be_visible()
    async with page.expect_download() as download:
        await page.get_by_role("link", name="PDF").click()
    assert (await download.value).suggested_filename.endswith(".pdf")


async def test_a_question_in_thai_is_answered_with_its_sources(enter: Enter) -> None:
    visit = await enter("viewer")
    page = await visit.to("/floor/ask")
    await page.locator("#f-ask-language").select_option("th")
    await page.get_by_label("Question").fill("วันนี้แต่ละโซนมีประสิทธิภาพเท่าไร")
    await page.get_by_role("button", name="Ask", exact=True).click()
    answer = page.locator(".answer")
    await expect(answer).to_be_visible()
    await expect(page.locator(".sources li").first).to_be_visible()
    text = await answer.inner_text()
    assert any("\u0e00" <= letter <= "\u0e7f" for letter in text), text
