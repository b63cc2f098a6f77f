"""The frame around all pages: login, roles, languages, and a connection that is lost and found."""

import os
import signal

import httpx
import pytest
from playwright.async_api import Response, expect

from gemba_local.mesh import LocalMesh
from tests.dashboard.conftest import Enter

SECTIONS = ("overview", "vision", "floor", "printers", "devices", "cluster")


async def test_a_person_logs_in_stays_in_and_logs_out(floor: LocalMesh, enter: Enter) -> None:
    visit = await enter("nobody")
    page = visit.page
    await page.goto(floor.url)
    await page.get_by_label("User name").fill("admin")
    await page.get_by_label("Password").fill("not the password")
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_role("alert")).to_contain_text("User name or password is wrong.")
    visit.errors.clear()  # Chromium itself writes each answer of 401 to the console.
    await page.get_by_label("Password").fill(floor.admin_password)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    stored = await page.evaluate("JSON.stringify(localStorage) + document.cookie")
    assert "rt_" not in stored
    assert "eyJ" not in stored
    await page.get_by_role("button", name="Log out").first.click()
    await expect(page.get_by_label("Password")).to_be_visible()
    assert not [one for one in await visit.context.cookies() if one["name"] == "gemba_session"]


async def test_a_session_that_ends_elsewhere_shows_the_login(
    enter: Enter, admin: httpx.AsyncClient
) -> None:
    visit = await enter("viewer")
    page = await visit.to("/printers")
    name = (await visit.context.request.get(f"{visit.url}/auth/session")).json
    user = (await name())["user"]["username"]
    assert (await admin.delete(f"/api/v1/users/{user}")).status_code == 204
    await expect(page.get_by_label("Password")).to_be_visible()
    visit.errors.clear()  # the socket that was refused


async def test_a_viewer_sees_no_button_that_would_be_refused(enter: Enter) -> None:
    visit = await enter("viewer")
    page = await visit.to("/printers")
    await expect(page.get_by_text("Ada (demo)")).to_be_visible()
    await expect(page.get_by_text("Add a printer")).to_have_count(0)
    await page.get_by_text("Ada (demo)").click()
    await expect(page.get_by_role("heading", name="Ada (demo)")).to_be_visible()
    await expect(page.get_by_text("New key")).to_have_count(0)
    await visit.to("/devices")
    await page.get_by_label("Search").fill("Oven zone 1")
    await expect(page.get_by_text("Oven zone 1 (demo)")).to_be_visible()
    await expect(page.get_by_text("Add a device")).to_have_count(0)
    await visit.to("/vision/editor")
    await expect(page.get_by_role("button", name="Save")).to_be_visible()
    await expect(page.get_by_role("button", name="Run")).to_have_count(0)


@pytest.mark.parametrize(("language", "word"), [("Português", "Visão geral"), ("ไทย", "ภาพรวม")])
async def test_the_dashboard_speaks_other_languages(enter: Enter, language: str, word: str) -> None:
    visit = await enter()
    page = await visit.to("/overview")
    await page.get_by_label("Language").first.select_option(language)
    await expect(page.get_by_role("heading", name=word)).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("heading", name=word)).to_be_visible()
    assert await page.evaluate("document.documentElement.lang") == {"Português": "pt"}.get(
        language, "th"
    )


async def test_every_section_is_reached_by_keyboard(enter: Enter) -> None:
    visit = await enter()
    page = await visit.to("/overview")
    await page.keyboard.press("Tab")
    await expect(page.get_by_text("Skip to the page")).to_be_focused()
    await page.keyboard.press("Tab")
    for section in SECTIONS:
        await page.keyboard.press("Tab")
        focused = await page.evaluate("document.activeElement.getAttribute('href')")
        assert focused == f"#/{section}"
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Cluster", exact=True)).to_be_visible()


async def test_a_lost_connection_is_shown_and_resumed(
    floor: LocalMesh, enter: Enter, admin: httpx.AsyncClient
) -> None:
    made = await admin.post("/api/devices/", json={"name": "Lost and found"})
    path = f"/api/devices/{made.json()['id']}"
    await admin.post(f"{path}/measurements/", json={"metric": "count", "value": 1})
    visit = await enter()
    page = await visit.to(f"/devices/{made.json()['id']}")
    await expect(page.locator(".figure b").first).to_have_text("1")
    banner = page.get_by_role("alert").filter(has_text="No connection to Gemba")
    gateway = floor.pids()["gateway"]
    # Frozen, not closed: only the heartbeat can tell.
    os.kill(gateway, signal.SIGSTOP)
    try:
        await expect(banner).to_be_visible()
        await expect(page.locator(".is-stale").first).to_be_visible()
    finally:
        os.kill(gateway, signal.SIGCONT)
    await expect(banner).to_have_count(0)
    await admin.post(f"{path}/measurements/", json={"metric": "count", "value": 2})
    await expect(page.locator(".figure b").first).to_have_text("2")
    await expect(page.locator(".is-stale")).to_have_count(0)
    visit.errors.clear()  # Chromium notes each request that timed out.


async def test_the_first_load_is_light(enter: Enter) -> None:
    visit = await enter()
    answers: list[Response] = []
    page = visit.page
    page.on("response", lambda answer: answers.append(answer))
    await page.goto(visit.url)
    await expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    own = {
        answer.url: (await answer.request.sizes())["responseBodySize"]
        for answer in answers
        if "/dashboard/" in answer.url or answer.url.endswith("/")
    }
    assert sum(own.values()) < 300_000
