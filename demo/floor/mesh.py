"""The way into a mesh: its address, an API key for as long as the demo runs, and its mark."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import httpx

MARK: Final = "demo-"
"""What every id of the demo floor begins with."""
NOTE: Final = "Made by the demo floor; `make demo-clean` removes it."
DISMISSAL_S: Final = 5.0
"""After so long a demo whose key has ended does nothing any more."""
_LOOK_S: Final = 2.0
_KEY_NAME: Final = "Demo floor"
_PERMISSIONS: Final = ["read", "write", "delete", "config", "observations:write"]


class NoWay(Exception):
    """There is no way into the mesh; the message says what is missing."""


@dataclass(frozen=True)
class Door:
    """Where the mesh is, and the password of its first user."""

    url: str
    mqtt_host: str
    mqtt_port: int
    password: str


def find_door() -> Door:
    """From the environment or from the data folder of a mesh on this machine.

    Raises:
        NoWay: there is no password.
    """
    folder = Path(os.environ.get("GEMBA_DATA_DIR", ".gemba"))
    try:
        urls = json.loads((folder / "state.json").read_text())["urls"]
    except (OSError, ValueError, KeyError):
        urls = {}
    url = os.environ.get("GEMBA_URL") or urls.get("gateway") or "http://127.0.0.1:8000"
    mqtt = httpx.URL(urls.get("mqtt") or "mqtt://127.0.0.1:1883")
    password = os.environ.get("GEMBA_ADMIN_PASSWORD", "")
    kept = folder / "secrets" / "admin_password"
    if not password and kept.exists():
        password = kept.read_text().strip()
    if not password:
        raise NoWay("no password: set GEMBA_ADMIN_PASSWORD, or run this beside `make run`")
    return Door(str(url), mqtt.host, mqtt.port or 1883, password)


@dataclass(frozen=True)
class Mesh:
    """A client with an API key of its own, so that no person's rate limit is used up."""

    door: Door
    http: httpx.AsyncClient
    has_dismissed: bool

    @classmethod
    @asynccontextmanager
    async def entered(cls, door: Door) -> AsyncIterator[Self]:
        """Log in, make a key, and take it back at the end.

        Raises:
            NoWay: the password is not the right one any more.
        """
        async with httpx.AsyncClient(base_url=door.url, timeout=30) as client:
            credentials = {"username": "admin", "password": door.password}
            answer = await client.post("/api/v1/auth/login", json=credentials)
            if answer.status_code != httpx.codes.OK:
                raise NoWay(f"the login of `admin` was refused ({answer.status_code})")
            bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
            has_dismissed = await _revoke_old(client, bearer)
            body = {"name": _KEY_NAME, "permissions": _PERMISSIONS}
            made = await client.post("/api/v1/auth/api-keys", json=body, headers=bearer)
            made.raise_for_status()
            key = made.json()
            client.headers["X-API-Key"] = key["api_key"]
            try:
                yield cls(door, client, has_dismissed)
            finally:
                path = f"/api/v1/auth/api-keys/{key['key_id']}"
                await client.delete(path, headers=bearer)
                await client.post("/api/v1/auth/logout", headers=bearer)

    async def until_dismissed(self) -> None:
        """Wait until somebody else has ended this demo's key, as `make demo-clean` does."""
        while True:
            await asyncio.sleep(_LOOK_S)
            try:
                answer = await self.http.get("/auth/me")
            except httpx.TransportError:
                continue
            if answer.status_code == httpx.codes.UNAUTHORIZED:
                return

    async def get(self, path: str, **query: Any) -> Any:
        """The body of a GET; an error of the API is raised."""
        answer = await self.http.get(path, params=query)
        answer.raise_for_status()
        return answer.json()

    async def post(self, path: str, body: Any = None) -> Any:
        """The body that answers a POST; an error of the API is raised."""
        answer = await self.http.post(path, json=body)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    async def delete(self, path: str) -> bool:
        """True when it was there to be removed."""
        answer = await self.http.delete(path)
        return answer.is_success

    async def pages(self, path: str, **query: Any) -> list[Any]:
        """Every entry of a paged list."""
        found: list[Any] = []
        page = 1
        while True:
            body = await self.get(path, **query, page=page, page_size=100)
            found += body["results"]
            if not body["next"]:
                return found
            page += 1


async def _revoke_old(client: httpx.AsyncClient, bearer: dict[str, str]) -> bool:
    """End the keys of earlier runs, and with them a demo that runs now."""
    answer = await client.get("/api/v1/auth/api-keys", headers=bearer)
    for key in answer.json()["api_keys"]:
        if key["name"] == _KEY_NAME:
            await client.delete(f"/api/v1/auth/api-keys/{key['key_id']}", headers=bearer)
    return any(key["name"] == _KEY_NAME for key in answer.json()["api_keys"])
