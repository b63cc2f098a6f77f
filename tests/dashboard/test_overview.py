"""The overview: it lives, and what is wrong comes first. `bench.dashboard` says what it costs."""

import httpx
from playwright.async_api import expect

from tests.dashboard.conftest import Enter


async def test_live_numbers_and_events_change(enter: Enter, admin: httpx.AsyncClient) -> None:
    visit = await enter("viewer")
    page = await visit.to("/overview")
    for name in ("Vision", "Floor", "Printers", "Devices", "Cluster"):
        await expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
    await expect(page.locator(".feed li").first).to_be_visible()
    made = await admin.post("/api/devices/", json={"name": "Seen on the overview"})
    path = f"/api/devices/{made.json()['id']}"
    await admin.post(f"{path}/measurements/", json={"metric": "novelty", "value": 42.25})
    await expect(page.locator(".feed")).to_contain_text("novelty 42.25")
    printers = page.get_by_role("region", name="Printers")
    await expect(printers.get_by_text("%").first).to_be_visible()
    shown = await printers.inner_text()
    await expect(printers).not_to_have_text(shown)
    await admin.delete(f"{path}/")


async def test_what_is_wrong_comes_first(enter: Enter, admin: httpx.AsyncClient) -> None:
    device = await admin.post("/api/devices/", json={"name": "Boiler of the test"})
    path = f"/api/devices/{device.json()['id']}"
    rule = {
        "parameters": {"kind": "threshold", "metric": "pressure", "above": 9},
        "severity": "critical",
    }
    made = await admin.post(f"{path}/rules/", json=rule)
    assert made.status_code == 201, made.text
    await admin.post(f"{path}/measurements/", json={"metric": "pressure", "value": 12})
    visit = await enter("viewer")
    page = await visit.to("/overview")
    first = page.locator(".attention li").first
    await expect(first).to_contain_text("critical")
    await expect(page.locator(".attention")).to_contain_text("pressure")
    await admin.delete(f"{path}/")
