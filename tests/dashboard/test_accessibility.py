"""axe-core finds no serious fault on any page, light and dark."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import expect

from tests.dashboard.conftest import Enter

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text()
PLACES = (
    "/overview", "/vision/inspections", "/vision/machines", "/vision/editor?example=fit_ellipse",
    "/floor", "/floor/sessions", "/floor/alerts", "/floor/ask", "/floor/report",
    "/floor/people",
    "/printers", "/printers/new", "/printers/queue", "/printers/demo-printer-1",
    "/devices", "/devices/new", "/devices/{device}",
    "/cluster", "/cluster/workers", "/cluster/logs", "/cluster/settings", "/cluster/users",
    "/cluster/keys",
)  # fmt: skip


# Between the schemes only colours differ.
@pytest.mark.parametrize(
    ("scheme", "rules"), [("light", {}), ("dark", {"runOnly": ["color-contrast"]})]
)
async def test_no_page_has_a_serious_fault(
    enter: Enter, admin: httpx.AsyncClient, scheme: str, rules: dict[str, Any]
) -> None:
    visit = await enter(color_scheme=scheme)
    page = await visit.to("/devices")
    await page.get_by_label("Search").fill("pump 1")
    await expect(page.get_by_text("Pump 1 (demo)")).to_be_visible()
    device = (await admin.get("/api/devices/?search=pump%201")).json()["results"][0]["id"]
    faults: list[str] = []
    for place in [one.format(device=device) for one in PLACES]:
        page = await visit.to(place)
        await expect(page.locator(".loading")).to_have_count(0)
        # The policy lets no script be added to the page; Playwright's own evaluation may.
        await page.evaluate(AXE)
        found = await page.evaluate(
            "(rules) => axe.run(document, {resultTypes: ['violations'], ...rules})", rules
        )
        faults += [
            f"{place} {scheme}: {one['id']} {node['target']} {node.get('failureSummary', '')[:200]}"
            for one in found["violations"]
            if one["impact"] in ("serious", "critical")
            for node in one["nodes"][:3]
        ]
    assert faults == []
