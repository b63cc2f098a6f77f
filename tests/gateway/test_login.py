"""The three doors, refresh, logout: one session behind all of them."""

import asyncio
import secrets
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from gemba_local.mesh import LocalMesh
from tests.callers import calling
from tests.conftest import Caller, an_address, log_in
from tests.gateway.conftest import Process

Doors = dict[str, Callable[[str, str], dict[str, Any]]]
DOORS: Doors = {
    "/api/v1/auth/login": lambda u, p: {"json": {"username": u, "password": p}},
    "/auth/login": lambda u, p: {"data": {"username": u, "password": p, "grant_type": "password"}},
    "/auth/login/": lambda u, p: {"json": {"username": u, "password": p}},
    "/api/token/": lambda u, p: {"json": {"username": u, "password": p}},
}


def token_in(answer: dict[str, str]) -> str:
    return answer.get("access_token") or answer["access"]


@pytest.mark.parametrize("door", DOORS)
async def test_a_token_of_any_door_opens_every_family(
    mesh: LocalMesh, stranger: httpx.AsyncClient, door: str
) -> None:
    given = DOORS[door]("admin", mesh.admin_password)
    answer = await stranger.post(door, headers={"X-Forwarded-For": an_address()}, **given)
    assert answer.status_code == 200
    headers = {"Authorization": f"Bearer {token_in(answer.json())}"}
    me = await stranger.get("/auth/me", headers=headers)
    assert me.json()["username"] == "admin"
    assert me.json()["permissions"] == ["*"]
    for path in ("/api/v1/users", "/api/auth/me"):
        assert (await stranger.get(path, headers=headers)).status_code == 200


async def test_the_json_door_answers_as_documented(
    mesh: LocalMesh, stranger: httpx.AsyncClient
) -> None:
    answer = await log_in(stranger, "admin", mesh.admin_password)
    assert set(answer) == {"access_token", "refresh_token", "token_type", "expires_in", "user"}
    assert answer["token_type"] == "bearer"
    assert answer["expires_in"] == 86_400
    assert answer["user"] == {
        "user_id": "admin",
        "name": "Administrator",
        "role": "admin",
        "permissions": ["*"],
    }


@pytest.mark.parametrize(
    ("door", "body"),
    [
        ("/api/v1/auth/login", ("error", "AUTH_INVALID_CREDENTIALS")),
        ("/auth/login", ("detail", "No active account found with the given credentials")),
        ("/api/token", ("detail", "No active account found with the given credentials")),
    ],
)
@pytest.mark.parametrize("username", ["admin", "nobody-of-this-name", "งาน"])
async def test_a_wrong_password_and_an_unknown_name_are_told_alike(
    stranger: httpx.AsyncClient, door: str, body: tuple[str, str], username: str
) -> None:
    answer = await stranger.post(
        door,
        json={"username": username, "password": "wrong-password"},
        headers={"X-Forwarded-For": an_address()},
    )
    assert answer.status_code == 401
    told = answer.json()[body[0]]
    assert (told["code"] if isinstance(told, dict) else told) == body[1]


@pytest.mark.parametrize(
    ("door", "status", "content"),
    [
        ("/api/v1/auth/login", 422, b"{"),
        ("/api/v1/auth/login", 422, b'{"username": "a"}'),
        ("/api/v1/auth/login", 422, b'{"username": 7, "password": "x"}'),
        ("/auth/login", 422, b"[]"),
        ("/auth/login", 422, b"{"),
        ("/api/token", 400, b'{"password": "x"}'),
        ("/api/token", 400, b'{"username": "a\\u0000", "password": "x"}'),
    ],
)
async def test_a_malformed_login_is_refused_in_its_family(
    stranger: httpx.AsyncClient, door: str, status: int, content: bytes
) -> None:
    answer = await stranger.post(
        door,
        content=content,
        headers={"Content-Type": "application/json", "X-Forwarded-For": an_address()},
    )
    assert answer.status_code == status, answer.text


async def test_the_missing_field_is_named(stranger: httpx.AsyncClient) -> None:
    headers = {"X-Forwarded-For": an_address()}
    answer = await stranger.post("/api/token/", json={"username": "a"}, headers=headers)
    assert answer.json() == {"password": ["This field is required."]}
    answer = await stranger.post("/api/v1/auth/login", json={"username": "a"}, headers=headers)
    assert "'password'" in answer.json()["error"]["message"]


async def test_refresh_gives_a_new_access_token_and_stays_valid(
    mesh: LocalMesh, stranger: httpx.AsyncClient
) -> None:
    opened = await log_in(stranger, "admin", mesh.admin_password)
    for _ in range(2):
        answer = await stranger.post(
            "/api/v1/auth/refresh", json={"refresh_token": opened["refresh_token"]}
        )
        assert set(answer.json()) == {"access_token", "token_type", "expires_in"}
        headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        assert (await stranger.get("/auth/me", headers=headers)).status_code == 200
    answer = await stranger.post("/api/token/refresh/", json={"refresh": opened["refresh_token"]})
    assert set(answer.json()) == {"access"}


async def test_verify_tells_good_tokens_from_bad_ones(
    mesh: LocalMesh, stranger: httpx.AsyncClient
) -> None:
    opened = await log_in(stranger, "admin", mesh.admin_password)
    for token in (opened["access_token"], opened["refresh_token"]):
        answer = await stranger.post("/api/token/verify/", json={"token": token})
        assert (answer.status_code, answer.json()) == (200, {})
    answer = await stranger.post("/api/token/verify/", json={"token": "rt_" + "x" * 43})
    assert answer.status_code == 401
    assert answer.json()["code"] == "token_not_valid"


async def test_logout_ends_access_and_refresh_at_once_on_every_gateway(
    mesh: LocalMesh, stranger: httpx.AsyncClient, second: Process
) -> None:
    opened = await log_in(stranger, "admin", mesh.admin_password)
    headers = {"Authorization": f"Bearer {opened['access_token']}"}
    async with calling(second.url) as elsewhere:
        assert (await elsewhere.get("/auth/me", headers=headers)).status_code == 200
        answer = await stranger.post("/api/v1/auth/logout", headers=headers)
        assert answer.json() == {"message": "Successfully logged out"}
        assert (await stranger.get("/auth/me", headers=headers)).status_code == 401
        await _refused_soon(elsewhere, headers)
    refresh = {"refresh_token": opened["refresh_token"]}
    assert (await stranger.post("/api/v1/auth/refresh", json=refresh)).status_code == 401


async def _refused_soon(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    for _ in range(100):
        if (await client.get("/auth/me", headers=headers)).status_code == 401:
            return
    pytest.fail("another gateway still believes the token")


async def test_one_session_ends_and_the_other_goes_on(
    mesh: LocalMesh, stranger: httpx.AsyncClient
) -> None:
    first = await log_in(stranger, "admin", mesh.admin_password)
    other = await log_in(stranger, "admin", mesh.admin_password)
    headers = {"Authorization": f"Bearer {first['access_token']}"}
    await stranger.post("/api/v1/auth/logout", headers=headers)
    headers = {"Authorization": f"Bearer {other['access_token']}"}
    assert (await stranger.get("/auth/me", headers=headers)).status_code == 200


async def test_ten_tries_a_minute_for_a_name_then_429_over_all_doors(
    stranger: httpx.AsyncClient,
) -> None:
    username, headers = f"guessed-{secrets.token_hex(4)}", {"X-Forwarded-For": an_address()}
    doors = ["/api/v1/auth/login", "/auth/login", "/api/token", "/api/auth/login"]
    body = {"username": username, "password": "guess"}
    for attempt in range(10):
        door = doors[attempt % len(doors)]
        assert (await stranger.post(door, json=body, headers=headers)).status_code == 401
    for door in doors:
        answer = await stranger.post(door, json=body, headers=headers)
        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) >= 1
    body["username"] = f"another-{secrets.token_hex(4)}"
    assert (await stranger.post(doors[0], json=body, headers=headers)).status_code == 401
    elsewhere = {"X-Forwarded-For": an_address()}
    body["username"] = username
    assert (await stranger.post(doors[0], json=body, headers=elsewhere)).status_code == 401


async def test_sixty_tries_a_minute_from_an_address(stranger: httpx.AsyncClient) -> None:
    headers = {"X-Forwarded-For": an_address()}

    async def guess() -> int:
        body = {"username": f"user-{secrets.token_hex(6)}", "password": "guess"}
        answer = await stranger.post("/api/token/", json=body, headers=headers, timeout=110)
        return answer.status_code

    # At once: one after the other, 61 password hashes can take more than the minute.
    async with asyncio.TaskGroup() as tasks:
        guesses = [tasks.create_task(guess()) for _ in range(61)]
    assert sorted(task.result() for task in guesses) == [401] * 60 + [429]


async def test_an_api_key_cannot_log_out(key: Caller) -> None:
    client = await key("read")
    answer = await client.post("/api/v1/auth/logout")
    assert answer.status_code == 403
