"""Debian's Chromium, driven by Playwright, and what a page did that it should not have done."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from tests.conftest import an_address

CHROMIUM: Final = Path("/usr/bin/chromium")
_FLAGS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class NoBrowser(Exception):
    """Chromium is missing: `apt-get install chromium`; CI never goes without it."""


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A headless browser.

    Raises:
        NoBrowser: it is not installed.
    """
    if not CHROMIUM.exists():
        raise NoBrowser(f"{CHROMIUM} is missing. {NoBrowser.__doc__}")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        try:
            yield browser
        finally:
            await browser.close()


@dataclass
class Visit:
    """One user's browser: its page, and a record of what went wrong in it."""

    page: Page
    context: BrowserContext
    url: str
    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    async def to(self, place: str) -> Page:
        """Go to a place of the dashboard and wait until it shows something."""
        await self.page.goto(f"{self.url}/#{place}")
        await self.page.wait_for_selector("main h1")
        return self.page

    def watch(self) -> None:
        """Keep what the console says and where requests go."""
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self._on_address(request.url))
        self.page.on("websocket", lambda socket: self._on_address(socket.url))

    def _on_console(self, message: Any) -> None:
        if message.type == "error":
            self.errors.append(f"{message.text} {message.location.get('url', '')}")

    def _on_address(self, address: str) -> None:
        parts = urlsplit(address)
        if parts.scheme not in ("blob", "data") and parts.netloc != urlsplit(self.url).netloc:
            self.foreign.append(address)


@asynccontextmanager
async def visit(
    browser: Browser, url: str, *, user: str = "", password: str = "", **options: Any
) -> AsyncIterator[Visit]:
    """A browser of its own, logged in when a user is named."""
    options = {"viewport": {"width": 1400, "height": 900}, "locale": "en-GB"} | options
    context = await browser.new_context(**options)
    try:
        if user:
            answer = await context.request.post(
                f"{url}/auth/session",
                data={"username": user, "password": password},
                # From an address of its own: logins are limited by address and name.
                headers={"X-Gemba-Page": "1", "X-Forwarded-For": an_address()},
            )
            assert answer.ok, await answer.text()
        visit = Visit(await context.new_page(), context, url)
        visit.watch()
        yield visit
    finally:
        await context.close()
