"""The overview: it lives, and it stays cheap under a hundred events a second."""

import asyncio
import json
import os
from typing import Any

import httpx
import psutil
from playwright.async_api import CDPSession, expect

from tests.dashboard.conftest import Enter

RATE = 100
SECONDS = float(os.environ.get("GEMBA_TEST_FLOOD_S", "15"))


async def test_live_numbers_and_events_change(enter: Enter, admin: httpx.AsyncClient) -> None:
    visit = await enter("viewer")
    page = await visit.to("/overview")
    for name in ("Vision", "Floor", "Printers", "Devices", "Cluster"):
        await expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
    await expect(page.locator(".feed li").first).to_be_visible(timeout=30_000)
    made = await admin.post("/api/devices/", json={"name": "Seen on the overview"})
    path = f"/api/devices/{made.json()['id']}"
    await admin.post(f"{path}/measurements/", json={"metric": "novelty", "value": 42.25})
    await expect(page.locator(".feed")).to_contain_text("novelty 42.25")
    printers = page.get_by_role("region", name="Printers")
    await expect(printers.get_by_text("%").first).to_be_visible(timeout=30_000)
    shown = await printers.inner_text()
    await expect(printers).not_to_have_text(shown, timeout=30_000)
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
    await expect(first).to_contain_text("critical", timeout=30_000)
    await expect(page.locator(".attention")).to_contain_text("pressure", timeout=30_000)
    await admin.delete(f"{path}/")


async def cpu_seconds(session: CDPSession) -> float:
    """What the page's process has used; the browser names it, the system counts it."""
    found: dict[str, Any] = await session.send("SystemInfo.getProcessInfo")
    renderers = [one for one in found["processInfo"] if one["type"] == "renderer"]
    times = [psutil.Process(one["id"]).cpu_times() for one in renderers]
    return sum(time.user + time.system for time in times)


def longest_task_ms(trace: bytes) -> float:
    """The longest that the page's main thread has worked without a pause, in its own CPU time.

    Other processes of the machine make a frame late too; that is none of the page's doing.
    """
    events = json.loads(trace)["traceEvents"]
    mains = {
        (one["pid"], one["tid"])
        for one in events
        if one["name"] == "thread_name" and one["args"]["name"] == "CrRendererMain"
    }
    tasks = [one for one in events if "tdur" in one and (one["pid"], one["tid"]) in mains]
    return float(max(one["tdur"] for one in tasks)) / 1000


async def flood(admin: httpx.AsyncClient, devices: list[int]) -> None:
    """Readings that make a hundred events a second."""

    async def one(device: int, number: int) -> None:
        body = {"metric": "flood", "value": number}
        await admin.post(f"/api/devices/{device}/measurements/", json=body)

    loop = asyncio.get_running_loop()
    began = loop.time()
    async with asyncio.TaskGroup() as tasks:
        for number in range(int(RATE * SECONDS)):
            await asyncio.sleep(max(0.0, began + number / RATE - loop.time()))
            tasks.create_task(one(devices[number % len(devices)], number))


async def test_a_hundred_events_a_second_leave_the_page_smooth(
    enter: Enter, admin: httpx.AsyncClient
) -> None:
    devices = []
    for number in range(50):
        made = await admin.post("/api/devices/", json={"name": f"Flood {number}"})
        devices.append(made.json()["id"])
    visit = await enter()
    page = await visit.to("/overview")
    browser = page.context.browser
    assert browser is not None
    session = await browser.new_browser_cdp_session()
    await expect(page.locator(".feed li").first).to_be_visible(timeout=30_000)
    await browser.start_tracing(page=page, categories=["toplevel", "devtools.timeline"])
    before, heap = await cpu_seconds(session), await heap_bytes(page)
    began = asyncio.get_running_loop().time()
    await flood(admin, devices)
    wall = asyncio.get_running_loop().time() - began
    share = (await cpu_seconds(session) - before) / wall
    longest_ms = longest_task_ms(await browser.stop_tracing())
    grown = await heap_bytes(page) - heap
    for device in devices:
        await admin.delete(f"/api/devices/{device}/")
    assert share < 0.5
    assert longest_ms < 100
    assert grown < 10_000_000


async def heap_bytes(page: Any) -> float:
    """The live JavaScript heap, after a collection."""
    session = await page.context.new_cdp_session(page)
    await session.send("HeapProfiler.collectGarbage")
    used: dict[str, Any] = await session.send("Runtime.getHeapUsage")
    await session.detach()
    return float(used["usedSize"])
