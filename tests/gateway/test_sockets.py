"""WebSockets through the gateway: who may open one, what passes, and when it closes."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.conftest import Caller
from tests.gateway.conftest import Process
from tests.patience import PATIENCE_S, PROMPTLY_S

TokenOf = Callable[[httpx.AsyncClient], str]


def socket(second: Process, query: str = "", **more: object) -> connect:
    url = second.url.replace("http://", "ws://") + "/ws/devices" + query
    return connect(url, compression=None, **more)  # type: ignore[arg-type] # passes options on


async def refused(second: Process, query: str = "", **more: object) -> int:
    with pytest.raises(InvalidStatus) as raised:
        async with socket(second, query, **more):
            pass
    return raised.value.response.status_code


async def closed_with(websocket: ClientConnection) -> int:
    async with asyncio.timeout(PATIENCE_S):
        with suppress(ConnectionClosed):
            async for _ in websocket:
                pass
    return websocket.close_code or 0


async def test_messages_pass_both_ways(second: Process, user: Caller, token_of: TokenOf) -> None:
    token = token_of(await user("viewer"))
    async with socket(second, f"?token={token}") as websocket:
        hello = json.loads(await websocket.recv())
        assert hello["authorization"].startswith("Bearer ey")
        assert token not in hello["authorization"]
        for text in ("one", "สอง", "x" * 100_000):
            await websocket.send(text)
            assert await websocket.recv() == text


async def test_a_key_and_the_header_open_it_too(second: Process, key: Caller) -> None:
    secret = (await key("read")).headers["X-API-Key"]
    for query, headers in (
        (f"?token={secret}", {}),
        ("", {"Authorization": f"Bearer {secret}"}),
        ("", {"X-API-Key": secret}),
    ):
        async with socket(second, query, additional_headers=headers) as websocket:
            assert await websocket.recv()


@pytest.mark.parametrize("query", ["", "?token=", "?token=wrong", "?token=sk_live_unknown"])
async def test_without_a_good_credential_the_handshake_is_401(second: Process, query: str) -> None:
    assert await refused(second, query) == 401


@pytest.mark.parametrize(
    ("origin", "status"),
    [("http://evil.example", 403), ("null", 403), ("https://127.0.0.1.evil.example", 403)],
)
async def test_a_foreign_page_is_403(
    second: Process, user: Caller, token_of: TokenOf, origin: str, status: int
) -> None:
    token = token_of(await user("viewer"))
    assert await refused(second, f"?token={token}", origin=origin) == status


async def test_the_gateways_own_page_comes_in(
    second: Process, user: Caller, token_of: TokenOf
) -> None:
    token = token_of(await user("viewer"))
    async with socket(second, f"?token={token}", origin=second.url) as websocket:
        assert await websocket.recv()


async def test_the_services_close_code_reaches_the_client(
    second: Process, user: Caller, token_of: TokenOf
) -> None:
    token = token_of(await user("viewer"))
    for code in (1000, 4001):
        async with socket(second, f"?token={token}") as websocket:
            await websocket.recv()
            await websocket.send(f"close {code}")
            assert await closed_with(websocket) == code


async def test_logout_closes_the_sessions_sockets_at_once(
    second: Process, user: Caller, token_of: TokenOf
) -> None:
    client = await user("viewer")
    async with socket(second, f"?token={token_of(client)}") as websocket:
        await websocket.recv()
        # The logout goes to the mesh's own gateway, the socket hangs at the other one.
        assert (await client.post("/api/v1/auth/logout")).status_code == 200
        async with asyncio.timeout(PROMPTLY_S):
            assert await closed_with(websocket) == 1008


async def test_a_revoked_keys_sockets_close(second: Process, admin: httpx.AsyncClient) -> None:
    body = {"name": "socket", "permissions": ["read"]}
    created = (await admin.post("/api/v1/auth/api-keys", json=body)).json()
    async with socket(second, f"?token={created['api_key']}") as websocket:
        await websocket.recv()
        await admin.delete(f"/api/v1/auth/api-keys/{created['key_id']}")
        async with asyncio.timeout(PROMPTLY_S):
            assert await closed_with(websocket) == 1008


async def test_a_deleted_users_sockets_close(
    second: Process, admin: httpx.AsyncClient, user: Caller, token_of: TokenOf
) -> None:
    client = await user("viewer")
    async with socket(second, f"?token={token_of(client)}") as websocket:
        await websocket.recv()
        await admin.delete(f"/api/v1/users/{client.headers['X-Test-User']}")
        async with asyncio.timeout(PROMPTLY_S):
            assert await closed_with(websocket) == 1008


async def test_a_csrf_token_is_bound_to_its_user_and_used_once(
    second: Process, user: Caller, token_of: TokenOf
) -> None:
    """No cluster service is behind this gateway, so a good token ends there: 503."""
    client = await user("viewer")
    answer = (await client.get("/auth/csrf-token")).json()
    assert answer["expires_in"] == 600
    url = second.url.replace("http://", "ws://") + "/ws/wall-screen"
    assert await _status(url) == 401
    assert await _status(f"{url}?csrf_token=made-up") == 403
    other = await user("viewer")
    foreign = (await client.get("/auth/csrf-token")).json()["csrf_token"]
    header = {"Authorization": other.headers["Authorization"]}
    assert await _status(f"{url}?csrf_token={foreign}", header) == 403
    good = f"{url}?csrf_token={answer['csrf_token']}"
    assert await _status(good) not in (401, 403)
    assert await _status(good) == 403


async def _status(url: str, headers: dict[str, str] | None = None) -> int:
    try:
        async with connect(url, additional_headers=headers or {}):
            return 101
    except InvalidStatus as error:
        return error.response.status_code


async def test_no_secret_of_a_handshake_is_logged(
    second: Process, user: Caller, token_of: TokenOf
) -> None:
    token = token_of(await user("viewer"))
    async with socket(second, f"?token={token}") as websocket:
        await websocket.recv()
    log = await asyncio.to_thread(second.log.read_text)
    assert token not in log
    assert token.split(".")[1] not in log
