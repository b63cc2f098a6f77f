"""Which hosts bridges and cameras may reach: the configured networks, and never link-local.

A name is resolved once for each connection, and what it resolves to is both checked and used, so
that a name cannot change its mind in between.
"""

import asyncio
import ipaddress
import socket
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from printers.reports import HostRefused
from printers.settings import Settings

_MOST_CONNECTIONS = 2000
_LARGEST_PICTURE = 16 * 1024 * 1024


class Reach:
    """Decides over addresses."""

    def __init__(self, settings: Settings) -> None:
        self._networks = [
            ipaddress.ip_network(part.strip())
            for part in settings.printer_networks.split(",")
            if part.strip()
        ]

    def allows(self, text: str) -> bool:
        """True when this IP address may be reached."""
        try:
            address = ipaddress.ip_address(text.split("%")[0])
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        if address.is_link_local or address.is_multicast or address.is_unspecified:
            return False
        return any(address in network for network in self._networks)

    def check(self, url: str) -> None:
        """Refuse an address that is written as a number; names are checked as they resolve.

        Raises:
            HostRefused: it is not in the configured networks.
        """
        host = urlsplit(url).hostname or ""
        try:
            ipaddress.ip_address(host.split("%")[0])
        except ValueError:
            if host.replace(".", "").isdigit() or host.lower().startswith("0x"):
                # Short forms such as 2130706433 are numbers to a resolver.
                raise HostRefused(f"{host} is no address") from None
            return
        if not self.allows(host):
            raise HostRefused(f"{host} is not in the networks that bridges may reach")


class _CheckedResolver(AbstractResolver):
    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._inner = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        allowed = [one for one in found if self._reach.allows(one["host"])]
        if found and not allowed:
            raise HostRefused(f"{host} is not in the networks that bridges may reach")
        return allowed

    async def close(self) -> None:
        await self._inner.close()


def open_session(settings: Settings, reach: Reach) -> aiohttp.ClientSession:
    """A client that reaches allowed hosts only; every call has a timeout."""
    connector = aiohttp.TCPConnector(resolver=_CheckedResolver(reach), limit=_MOST_CONNECTIONS)
    return aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=settings.printer_timeout_s),
        cookie_jar=aiohttp.DummyCookieJar(),
    )


class Line:
    """Requests to one printer's host: no redirect is followed, and errors are told apart."""

    def __init__(self, session: aiohttp.ClientSession, reach: Reach, url: str) -> None:
        self._session = session
        self._reach = reach
        self._url = url.rstrip("/")

    async def json(self, method: str, path: str, **options: Any) -> Any:
        """The answer's JSON, None when it has none.

        Raises:
            HostRefused, aiohttp.ClientError, TimeoutError: as they come.
            aiohttp.ClientResponseError: an answer of 300 or more.
        """
        self._reach.check(self._url)
        async with self._session.request(
            method, f"{self._url}{path}", allow_redirects=False, **options
        ) as response:
            if response.status >= 300:
                raise aiohttp.ClientResponseError(
                    response.request_info, (), status=response.status, message=str(response.reason)
                )
            if response.status == 204:
                return None
            return await response.json(content_type=None)

    async def picture(self) -> bytes:
        """What is at the address itself, of at most 16 MiB.

        Raises:
            HostRefused, aiohttp.ClientError, TimeoutError: as they come.
            ValueError: it is larger.
        """
        self._reach.check(self._url)
        async with self._session.get(self._url, allow_redirects=False) as response:
            if response.status != 200:
                raise aiohttp.ClientResponseError(
                    response.request_info, (), status=response.status, message=str(response.reason)
                )
            parts = bytearray()
            async for part in response.content.iter_chunked(65_536):
                parts += part
                if len(parts) > _LARGEST_PICTURE:
                    raise ValueError("the picture is too large")
            return bytes(parts)

    async def socket(self, path: str, **options: Any) -> aiohttp.ClientWebSocketResponse:
        """An open WebSocket.

        Raises:
            HostRefused, aiohttp.ClientError, TimeoutError: as they come.
        """
        self._reach.check(self._url)
        address = "ws" + self._url.removeprefix("http") + path
        timeout = self._session.timeout.total or 10
        async with asyncio.timeout(timeout):
            opened: aiohttp.ClientWebSocketResponse = await self._session.ws_connect(
                address, heartbeat=15.0, max_msg_size=4 * 1024 * 1024, **options
            )
            return opened
