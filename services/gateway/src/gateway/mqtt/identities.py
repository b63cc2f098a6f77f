"""Who a client is: its credentials asked of the service that keeps them, remembered briefly."""

import asyncio
import hashlib
import logging
import time
from contextlib import suppress
from typing import Final, Literal, NamedTuple

import httpx

from common.client import MeshClient
from common.errors import ServiceError, Unavailable
from gateway.mqtt.settings import DoorSettings

_REMEMBERED_S: Final = 5.0
_CACHE_SIZE: Final = 20_000
_AT_ONCE: Final = 32
_MOST_WAITING: Final = 5_000
_FAILURES_A_MINUTE: Final = 60
_MOST_ADDRESSES: Final = 10_000
_RECHECK_TIMEOUT_S: Final = 0.5
_LONGEST: Final = 200
DEVICE_PREFIX: Final = "dev_"
_log = logging.getLogger("identities")


class Identity(NamedTuple):
    """A verified client."""

    kind: Literal["device", "printer"]
    id: str


class Credentials(NamedTuple):
    """What a client came with."""

    user: str
    password: str

    @property
    def key(self) -> bytes:
        """What they are remembered by."""
        return hashlib.sha256(f"{self.user}\0{self.password}".encode("utf-8", "replace")).digest()


class Refused(Exception):
    """The credentials are nobody's."""


class Failures:
    """Wrong credentials by address: who guesses is refused without asking any service."""

    def __init__(self) -> None:
        self._minute = 0
        self._counts: dict[str, int] = {}

    def add(self, address: str) -> None:
        """Count one."""
        self._roll()
        if len(self._counts) < _MOST_ADDRESSES:
            self._counts[address] = self._counts.get(address, 0) + 1

    def are_too_many(self, address: str) -> bool:
        """True when this address has been wrong too often within the minute."""
        self._roll()
        return self._counts.get(address, 0) >= _FAILURES_A_MINUTE

    def _roll(self) -> None:
        minute = int(time.monotonic() // 60)
        if minute != self._minute:
            self._minute, self._counts = minute, {}


class Identities:
    """Asks the devices and the printers service."""

    def __init__(self, settings: DoorSettings, client: MeshClient) -> None:
        self._devices = f"{settings.devices_url.rstrip('/')}/internal/verify-token"
        self._printers = f"{settings.printers_url.rstrip('/')}/internal/verify-key"
        self._client = client
        self._known: dict[bytes, tuple[Identity, float]] = {}
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0

    async def identify(self, credentials: Credentials) -> Identity:
        """Whose credentials these are.

        Raises:
            Refused: nobody's.
            ServiceError: the service that knows does not answer.
        """
        known = self._known.get(credentials.key)
        if known is not None and known[1] > time.monotonic():
            return known[0]
        if max(len(credentials.user), len(credentials.password)) > _LONGEST:
            raise Refused
        if self._waiting >= _MOST_WAITING:
            raise Unavailable()
        self._waiting += 1
        try:
            async with self._slots:
                identity = await self._ask(credentials)
        finally:
            self._waiting -= 1
        if len(self._known) >= _CACHE_SIZE:
            self._known.clear()
        self._known[credentials.key] = (identity, time.monotonic() + _REMEMBERED_S)
        return identity

    async def still_holds(self, credentials: Credentials, identity: Identity) -> bool:
        """Ask anew, within half a second; whoever cannot be asked for is not let stay."""
        self._known.pop(credentials.key, None)
        try:
            async with asyncio.timeout(_RECHECK_TIMEOUT_S):
                return await self._ask(credentials) == identity
        except (Refused, ServiceError, TimeoutError):
            return False

    async def _ask(self, credentials: Credentials) -> Identity:
        asked = [self._ask_devices]
        if credentials.password:
            # By far the likelier first: a device needs no password, and its token has a prefix.
            at = len(asked) if credentials.user.startswith(DEVICE_PREFIX) else 0
            asked.insert(at, self._ask_printers)
        for ask in asked:
            with suppress(Refused):
                return await ask(credentials)
        raise Refused

    async def _ask_devices(self, credentials: Credentials) -> Identity:
        body = {"token": credentials.user}
        answer = _accepted(await self._client.request("POST", self._devices, json=body))
        return Identity("device", str(answer["public_id"]))

    async def _ask_printers(self, credentials: Credentials) -> Identity:
        body = {"printer_id": credentials.user, "api_key": credentials.password}
        _accepted(await self._client.request("POST", self._printers, json=body))
        return Identity("printer", credentials.user)


def _accepted(response: httpx.Response) -> dict[str, object]:
    if response.status_code == 200:
        answer: dict[str, object] = response.json() if response.content else {}
        return answer
    if 400 <= response.status_code < 500 and response.status_code != 429:
        raise Refused
    _log.warning("credentials cannot be verified: %d", response.status_code)
    raise Unavailable()
