"""What the dashboard asks of a browser: `python -m bench.dashboard [--minutes M]`.

A mesh with the demo floor, Chromium, the overview under a hundred readings a second. CPU is the
page's own process; a task is the longest time that the page's main thread works without a pause,
in its own CPU time (other processes of the machine make a frame late too). Needs Chromium.
"""

import argparse
import asyncio
import json
import signal
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import httpx
import psutil
from playwright.async_api import Browser, CDPSession, Page, expect
from tests.dashboard.browser import chromium, visit
from tests.dashboard.demo_floor import demo_floor

from bench.figures import Figure, report
from bench.load.site import SETTINGS, signed_in
from gemba_local.mesh import LocalMesh

_RATE: Final = 100
_DEVICES: Final = 50
_TRACED_S: Final = 15.0
_VIDEOS: Final = Path(__file__).parents[1] / "demo" / "videos"
_TRUSTED: Final = {"GEMBA_TRUSTED_PROXIES": "127.0.0.1", "GEMBA_IMAGE_FOLDERS": str(_VIDEOS)}


async def first_paint_ms(browser: Browser, mesh: LocalMesh) -> tuple[float, float]:
    """From the request to the first words, in a browser that knows nothing yet; kB on the way."""
    sizes: list[int] = []
    entered = visit(browser, mesh.url, user="admin", password=mesh.admin_password)
    async with entered as visitor:

        async def weigh(response: Any) -> None:
            if "/dashboard/" in response.url or response.url.endswith("/"):
                sizes.append((await response.request.sizes())["responseBodySize"])

        visitor.page.on("response", weigh)
        await visitor.page.goto(mesh.url)
        await expect(visitor.page.get_by_role("heading", name="Overview")).to_be_visible()
        entry = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
        return float(await visitor.page.evaluate(entry)), sum(sizes) / 1000


async def flood(http: httpx.AsyncClient, devices: list[int], *, seconds: float) -> None:
    """Readings that make a hundred events a second."""

    async def one(device: int, number: int) -> None:
        body = {"metric": "flood", "value": number}
        await http.post(f"/api/devices/{device}/measurements/", json=body)

    loop = asyncio.get_running_loop()
    began = loop.time()
    async with asyncio.TaskGroup() as tasks:
        for number in range(int(_RATE * seconds)):
            await asyncio.sleep(max(0.0, began + number / _RATE - loop.time()))
            tasks.create_task(one(devices[number % len(devices)], number))


def longest_task_ms(trace: bytes) -> float:
    """The longest task of any page's main thread, in its own CPU time."""
    events = json.loads(trace)["traceEvents"]
    mains = {
        (one["pid"], one["tid"])
        for one in events
        if one["name"] == "thread_name" and one["args"]["name"] == "CrRendererMain"
    }
    tasks = [one for one in events if "tdur" in one and (one["pid"], one["tid"]) in mains]
    return float(max(one["tdur"] for one in tasks)) / 1000


async def cpu_seconds(session: CDPSession) -> float:
    """What the pages' processes have used; the browser names them, the system counts."""
    found: dict[str, Any] = await session.send("SystemInfo.getProcessInfo")
    renderers = [one for one in found["processInfo"] if one["type"] == "renderer"]
    times = [psutil.Process(one["id"]).cpu_times() for one in renderers]
    return sum(time.user + time.system for time in times)


async def heap_mb(page: Page) -> float:
    """The live JavaScript heap, after a collection."""
    session = await page.context.new_cdp_session(page)
    await session.send("HeapProfiler.collectGarbage")
    used: dict[str, Any] = await session.send("Runtime.getHeapUsage")
    await session.detach()
    return float(used["usedSize"]) / 1e6


async def under_flood(browser: Browser, mesh: LocalMesh, *, minutes: float) -> list[Figure]:
    """The overview while a hundred readings a second come in."""
    async with signed_in(mesh) as http:
        made = [await http.post("/api/devices/", json={"name": f"F {n}"}) for n in range(_DEVICES)]
        devices = [int(answer.json()["id"]) for answer in made]
        entered = visit(browser, mesh.url, user="admin", password=mesh.admin_password)
        async with entered as visitor:
            page = await visitor.to("/overview")
            await expect(page.locator(".feed li").first).to_be_visible()
            session = await browser.new_browser_cdp_session()
            await flood(http, devices, seconds=_TRACED_S)
            heap = await heap_mb(page)
            loop = asyncio.get_running_loop()
            before, began = await cpu_seconds(session), loop.time()
            await flood(http, devices, seconds=60 * minutes)
            share = (await cpu_seconds(session) - before) / (loop.time() - began)
            grown = await heap_mb(page) - heap
            await browser.start_tracing(page=page, categories=["toplevel", "devtools.timeline"])
            await flood(http, devices, seconds=_TRACED_S)
            longest_ms = longest_task_ms(await browser.stop_tracing())
    what = f"overview at {_RATE} events/s"
    return [
        Figure(f"{what}, share of one core", share, "", target="<=0.5"),
        Figure(f"{what}, longest task", longest_ms, "ms", target="<=100"),
        Figure(f"{what}, heap grown in {minutes:g} min", grown, "MB", target="<=10"),
    ]


async def banner_s(browser: Browser, mesh: LocalMesh) -> float:
    """From a gateway that freezes to the words that say so; only the heartbeat can tell."""
    entered = visit(browser, mesh.url, user="admin", password=mesh.admin_password)
    async with entered as visitor:
        page = await visitor.to("/overview")
        await expect(page.locator(".feed li").first).to_be_visible()
        banner = page.get_by_role("alert").filter(has_text="No connection to Gemba")
        mesh.kill("gateway", signal.SIGSTOP)
        began = time.monotonic()
        try:
            await expect(banner).to_be_visible()
            return time.monotonic() - began
        finally:
            mesh.kill("gateway", signal.SIGCONT)


async def bench(mesh: LocalMesh, *, minutes: float) -> list[Figure]:
    """All figures."""
    expect.set_options(timeout=60_000)
    async with chromium() as browser:
        await first_paint_ms(browser, mesh)
        lost_s = max([await banner_s(browser, mesh) for _ in range(3)])
        paints = [await first_paint_ms(browser, mesh) for _ in range(5)]
        figures = await under_flood(browser, mesh, minutes=minutes)
    first = statistics.median(paint for paint, _ in paints)
    return [
        Figure("dashboard, first paint", first, "ms", target="<=1000"),
        Figure("dashboard, first load", paints[0][1], "kB", target="<=300"),
        Figure("dashboard, a lost connection is shown", lost_s, "s", target="<=3"),
        *figures,
    ]


def main() -> None:
    """Start everything, measure, stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=0.5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gemba-dashboard-") as folder:
        mesh = LocalMesh(Path(folder) / "data", settings=SETTINGS | _TRUSTED)
        with mesh, demo_floor(mesh, log=Path(folder) / "demo.log"):
            figures = asyncio.run(bench(mesh, minutes=options.minutes))
    report(figures)


if __name__ == "__main__":
    main()
