"""A browser's session: a cookie that no script reads and no other page can use for a change."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from gemba_local.mesh import LocalMesh
from tests.callers import calling
from tests.conftest import an_address

OUR_PAGE = {"X-Gemba-Page": "1"}


async def log_in(client: httpx.AsyncClient, mesh: LocalMesh, **extra: str) -> httpx.Response:
    headers = OUR_PAGE | {"X-Forwarded-For": an_address()} | extra
    body = {"username": "admin", "password": mesh.admin_password}
    return await client.post("/auth/session", json=body, headers=headers)


@pytest.fixture
async def browser(mesh: LocalMesh) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that is logged in as the first user."""
    async with calling(mesh.url) as client:
        assert (await log_in(client, mesh)).status_code == 200
        yield client


def cookie_of(client: httpx.AsyncClient) -> str:
    return f"gemba_session={client.cookies['gemba_session']}"


async def test_the_cookie_is_for_our_pages_alone_and_hidden_from_scripts(mesh: LocalMesh) -> None:
    async with calling(mesh.url) as client:
        answer = await log_in(client, mesh)
        cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert "Secure" not in cookie
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.json()["user"]["role"] == "admin"
        assert client.cookies["gemba_session"] not in answer.text
        by_https = await log_in(client, mesh, **{"X-Forwarded-Proto": "https"})
        assert "Secure" in by_https.headers["Set-Cookie"]


async def test_the_cookie_opens_every_family(browser: httpx.AsyncClient) -> None:
    for path in ("/api/v1/machines/", "/api/devices/", "/api/printers", "/auth/me"):
        assert (await browser.get(path)).status_code == 200, path


async def test_nobody_is_no_error(stranger: httpx.AsyncClient) -> None:
    answer = await stranger.get("/auth/session")
    assert answer.status_code == 200
    assert answer.json()["user"] is None


async def test_a_login_from_another_site_is_refused(mesh: LocalMesh) -> None:
    body = {"username": "admin", "password": mesh.admin_password}
    async with calling(mesh.url) as client:
        answer = await client.post("/auth/session", json=body)
        assert answer.status_code == 403
        assert "Set-Cookie" not in answer.headers


async def test_a_change_by_cookie_wants_the_header_of_our_pages(browser: httpx.AsyncClient) -> None:
    body = {"name": "Cookie sensor"}
    refused = await browser.post("/api/devices/", json=body)
    assert refused.status_code == 403
    made = await browser.post("/api/devices/", json=body, headers=OUR_PAGE)
    assert made.status_code == 201
    path = f"/api/devices/{made.json()['id']}/"
    assert (await browser.delete(path)).status_code == 403
    assert (await browser.delete(path, headers=OUR_PAGE)).status_code == 204


async def test_another_origin_cannot_ask_for_the_header(browser: httpx.AsyncClient) -> None:
    for origin in ("https://evil.example", "https://wall.example"):
        asked = {
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "x-gemba-page",
        }
        answer = await browser.options("/api/devices/", headers=asked)
        allowed = answer.headers.get("Access-Control-Allow-Headers", "").lower()
        assert answer.status_code >= 400 or "x-gemba-page" not in allowed
        assert "Access-Control-Allow-Credentials" not in answer.headers


async def test_a_bearer_goes_before_the_cookie_and_needs_no_header(
    mesh: LocalMesh, browser: httpx.AsyncClient, user: Any
) -> None:
    viewer = await user("viewer")
    headers = {"Authorization": viewer.headers["Authorization"]}
    assert (await browser.get("/auth/me", headers=headers)).json()["role"] == "viewer"


async def test_a_cookies_token_is_no_bearer(browser: httpx.AsyncClient) -> None:
    token = browser.cookies["gemba_session"]
    assert (await browser.get("/auth/me")).status_code == 200
    for credential in (token, f"\n{token}".strip()):
        async with calling(browser.base_url) as client:
            headers = {"Authorization": f"Bearer {credential}"}
            assert (await client.get("/auth/me", headers=headers)).status_code == 401


async def test_a_wrong_cookie_is_nobody(stranger: httpx.AsyncClient, mesh: LocalMesh) -> None:
    for text in ("rt_wrong", "", "x" * 9000, "rt_é"):
        headers = [(b"Cookie", f"gemba_session={text}".encode())]
        async with calling(mesh.url) as client:
            assert (await client.get("/auth/me", headers=headers)).status_code == 401
            assert (await client.get("/auth/session", headers=headers)).json()["user"] is None


async def test_logout_ends_the_session_and_its_sockets(
    mesh: LocalMesh, browser: httpx.AsyncClient
) -> None:
    cookie = cookie_of(browser)
    address = mesh.url.replace("http", "ws") + "/ws/devices"
    headers = {"Cookie": cookie}
    async with connect(address, additional_headers=headers, origin=mesh.url) as socket:  # type: ignore[arg-type] # websockets' Origin is a NewType of str
        answer = await browser.delete("/auth/session", headers=OUR_PAGE)
        assert answer.status_code == 204
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008
    async with calling(mesh.url) as thief:
        answer = await thief.get("/auth/me", headers={"Cookie": cookie})
        assert answer.status_code == 401
    assert "gemba_session" not in browser.cookies


@pytest.mark.parametrize("origin", [None, "https://evil.example"])
async def test_a_socket_by_cookie_wants_our_origin(
    mesh: LocalMesh, browser: httpx.AsyncClient, origin: Any
) -> None:
    address = mesh.url.replace("http", "ws") + "/ws/devices"
    with pytest.raises(InvalidStatus) as refused:
        async with connect(
            address, additional_headers={"Cookie": cookie_of(browser)}, origin=origin
        ):
            pass
    assert refused.value.response.status_code == 403


async def test_the_page_has_a_policy_without_inline_code(stranger: httpx.AsyncClient) -> None:
    page = await stranger.get("/")
    policy = page.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "<style" not in page.text
    assert "style=" not in page.text
    assert "<script>" not in page.text
