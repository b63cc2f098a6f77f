"""The cluster in the browser: a node restarted, settings changed, users and keys made."""

import secrets

import httpx
from playwright.async_api import expect

from tests.dashboard.conftest import Enter


async def test_an_administrator_restarts_a_node_and_sees_it_through(enter: Enter) -> None:
    visit = await enter()
    page = await visit.to("/cluster/workers")
    await page.get_by_role("button", name="Restart").first.click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("a new process takes its place")
    await dialog.get_by_role("button", name="Restart").click()
    operation = page.locator(".operation")
    await expect(operation).to_be_visible()
    await expect(operation.locator(".badge")).to_have_class("badge ok", timeout=90_000)
    await expect(page.locator(".card header .badge").first).to_contain_text("online")


async def test_services_hosts_and_logs_are_shown(enter: Enter) -> None:
    visit = await enter("viewer")
    page = await visit.to("/cluster")
    for service in ("gateway", "orchestrator", "tracking", "printers", "devices", "postgresql"):
        row = page.get_by_role("row", name=service)
        await expect(row.first).to_contain_text("healthy")
    await visit.to("/cluster/workers")
    await expect(page.get_by_role("button", name="Restart")).to_have_count(0)
    await visit.to("/cluster/logs?component=gateway")
    await expect(page.locator(".log-line").first).to_contain_text("gateway")
    await expect(page.get_by_role("button", name="Live", exact=True)).to_have_count(0)


async def test_an_administrator_reads_logs_as_they_come(
    enter: Enter, admin: httpx.AsyncClient
) -> None:
    visit = await enter()
    page = await visit.to("/cluster/logs?component=devices")
    name = f"Logged {secrets.token_hex(4)}"
    async with page.expect_websocket(lambda socket: "/ws/logs-" in socket.url):
        await page.get_by_role("button", name="Live", exact=True).click()
    await expect(page.locator(".log")).to_be_visible()
    for _ in range(20):
        await admin.get(f"/api/devices/?search={name.replace(' ', '-')}")
        await page.wait_for_timeout(250)
    await expect(page.locator(".log")).to_contain_text(name.replace(" ", "-"))


async def test_settings_are_changed_and_the_change_is_told(enter: Enter) -> None:
    visit = await enter()
    page = await visit.to("/cluster/settings")
    field = page.get_by_label("Hours that logs are kept")
    wanted = "120" if await field.input_value() != "120" else "121"
    await field.fill(wanted)
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Saved; every process obeys it now.")).to_be_visible()
    await expect(page.get_by_text("log_retention_hours").first).to_be_visible()
    viewer = await enter("viewer")
    shown = await viewer.to("/cluster/settings")
    await expect(shown.get_by_label("Hours that logs are kept")).to_be_disabled()


async def test_users_and_keys_are_made_and_ended(enter: Enter) -> None:
    name = f"user-{secrets.token_hex(3)}"
    visit = await enter()
    page = await visit.to("/cluster/users")
    await page.get_by_role("button", name="Add a user").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("User name").fill(name)
    await dialog.get_by_label("Name", exact=True).fill("Somebody")
    await dialog.get_by_label("Password").fill(secrets.token_urlsafe(9))
    await dialog.get_by_role("button", name="Save").click()
    row = page.get_by_role("row", name=name)
    await expect(row).to_be_visible()
    await row.get_by_role("button", name=f"Remove {name}").click()
    await page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    await expect(row).to_have_count(0)
    await visit.to("/cluster/keys")
    await page.get_by_role("button", name="New key").click()
    await dialog.get_by_label("Name", exact=True).fill(name)
    await dialog.get_by_role("button", name="Make it").click()
    await expect(dialog).to_contain_text("sk_live_")
    await dialog.get_by_role("button", name="Close").click()
    await page.get_by_role("button", name=f"End the key {name}?").click()
    await page.get_by_role("dialog").get_by_role("button", name="End it").click()
    await expect(page.get_by_role("row", name=name)).to_have_count(0)
    viewer = await enter("viewer")
    shown = await viewer.to("/cluster")
    await expect(shown.get_by_role("link", name="Users")).to_have_count(0)
