"""Users, roles and API keys: nobody gets more than who lets them in."""

import secrets
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.conftest import Caller, log_in

ROLES = {
    "admin": ["*"],
    "supervisor": ["acknowledge_alerts", "read", "view_reports", "write"],
    "viewer": ["read", "view_reports"],
    "api_client": ["metrics:read", "zones:read"],
}


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_has_its_documented_permissions(user: Caller, role: str) -> None:
    client = await user(role)
    me = (await client.get("/auth/me")).json()
    assert me["role"] == role
    assert me["permissions"] == ROLES[role]
    assert set(me) == {"user_id", "username", "name", "role", "permissions"}


@pytest.mark.parametrize("role", ["supervisor", "viewer", "api_client", "machine"])
async def test_only_admins_see_and_make_users(user: Caller, role: str) -> None:
    client = await user(role)
    body = {"username": "x", "password": "long enough", "name": "X", "role": "admin"}
    for answer in (
        await client.get("/api/v1/users"),
        await client.post("/api/v1/users", json=body),
        await client.delete("/api/v1/users/admin"),
    ):
        assert answer.status_code == 403
        assert answer.json()["error"]["code"] == "AUTH_INSUFFICIENT_PERMISSIONS"


async def test_a_user_lives_from_creation_to_deletion(
    admin: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    username = f"life-{secrets.token_hex(4)}"
    body = {"username": username, "password": "password-1", "name": "สมหญิง", "role": "viewer"}
    created = await admin.post("/api/v1/users/", json=body)
    assert created.status_code == 201
    assert created.json()["name"] == "สมหญิง"
    assert "password" not in created.text
    again = await admin.post("/api/v1/users", json=body)
    assert again.status_code == 409
    assert again.json()["error"]["code"] == "RESOURCE_ALREADY_EXISTS"
    changed = await admin.patch(f"/api/v1/users/{username}", json={"name": "João"})
    assert changed.json()["name"] == "João"
    assert (await admin.get(f"/api/v1/users/{username}/")).json()["name"] == "João"
    listed = (await admin.get("/api/v1/users")).json()
    assert username in [shown["username"] for shown in listed["users"]]
    assert (await admin.delete(f"/api/v1/users/{username}")).status_code == 204
    missing = await admin.get(f"/api/v1/users/{username}")
    assert missing.status_code == 404
    assert missing.json()["error"]["details"] == {"username": username}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("password", "short"),
        ("username", "no spaces"),
        ("username", ""),
        ("role", "owner"),
        ("name", " "),
        ("name", "x" * 201),
    ],
)
async def test_a_bad_user_names_the_field(admin: httpx.AsyncClient, field: str, value: str) -> None:
    body = {"username": "fine", "password": "password-1", "name": "Fine", "role": "viewer"}
    answer = await admin.post("/api/v1/users", json={**body, field: value})
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "VALIDATION_ERROR"
    assert field in answer.json()["error"]["details"]["fields"]


@pytest.mark.parametrize("change", [{"role": "viewer"}, {"password": "another-password"}])
async def test_a_new_role_or_password_ends_the_users_tokens(
    admin: httpx.AsyncClient, user: Caller, change: dict[str, str]
) -> None:
    client = await user("supervisor")
    username = client.headers["X-Test-User"]
    assert (await client.get("/auth/me")).status_code == 200
    assert (await admin.patch(f"/api/v1/users/{username}", json=change)).status_code == 200
    assert (await client.get("/auth/me")).status_code == 401


async def test_a_deleted_users_tokens_and_keys_end(
    admin: httpx.AsyncClient, user: Caller, stranger: httpx.AsyncClient
) -> None:
    client = await user("supervisor")
    body = {"name": "theirs", "permissions": ["read"]}
    key = (await client.post("/api/v1/auth/api-keys", json=body)).json()["api_key"]
    headers = {"Authorization": f"Bearer {key}"}
    assert (await stranger.get("/auth/me", headers=headers)).status_code == 200
    await admin.delete(f"/api/v1/users/{client.headers['X-Test-User']}")
    assert (await client.get("/auth/me")).status_code == 401
    assert (await stranger.get("/auth/me", headers=headers)).status_code == 401


async def test_the_last_admin_stays(admin: httpx.AsyncClient) -> None:
    others = [u for u in (await admin.get("/api/v1/users")).json()["users"] if u["role"] == "admin"]
    for other in others:
        if other["username"] != "admin":
            await admin.delete(f"/api/v1/users/{other['username']}")
    for answer in (
        await admin.delete("/api/v1/users/admin"),
        await admin.patch("/api/v1/users/admin", json={"role": "viewer"}),
    ):
        assert answer.status_code == 409
        assert answer.json()["error"]["code"] == "CONFLICT"


async def test_a_key_is_shown_once_and_listed_by_prefix(admin: httpx.AsyncClient) -> None:
    expires_at = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    body = {
        "name": "External Dashboard",
        "permissions": ["metrics:read", "zones:read"],
        "expires_at": expires_at,
    }
    created = await admin.post("/api/v1/auth/api-keys", json=body)
    assert created.status_code == 201
    secret = created.json()["api_key"]
    assert secret.startswith("sk_live_")
    assert created.json()["permissions"] == ["metrics:read", "zones:read"]
    listed = await admin.get("/api/v1/auth/api-keys")
    assert secret not in listed.text
    shown = [k for k in listed.json()["api_keys"] if k["key_id"] == created.json()["key_id"]]
    assert secret.startswith(shown[0]["prefix"])


async def test_a_key_works_in_both_headers_until_it_is_revoked(
    admin: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    body = {"name": "short-lived", "permissions": ["read"]}
    created = (await admin.post("/api/v1/auth/api-keys", json=body)).json()
    both = [
        {"Authorization": f"Bearer {created['api_key']}"},
        {"X-API-Key": created["api_key"]},
    ]
    for headers in both:
        assert (await stranger.get("/auth/me", headers=headers)).status_code == 200
    revoked = await admin.delete(f"/api/v1/auth/api-keys/{created['key_id']}")
    assert revoked.status_code == 204
    assert revoked.content == b""
    for headers in both:
        assert (await stranger.get("/auth/me", headers=headers)).status_code == 401
    again = await admin.delete(f"/api/v1/auth/api-keys/{created['key_id']}")
    assert again.status_code == 404


@pytest.mark.parametrize(
    ("role", "asked", "status"),
    [
        ("viewer", ["metrics:read"], 201),
        ("viewer", ["write"], 403),
        ("viewer", ["*"], 403),
        ("supervisor", ["write", "read"], 201),
        ("supervisor", ["delete"], 403),
        ("supervisor", ["config"], 403),
        ("supervisor", ["machine"], 403),
        ("supervisor", ["observations:write"], 403),
        ("machine", ["machines:read"], 403),
        ("admin", ["machine"], 201),
        ("admin", ["machine", "read"], 422),
        ("admin", ["to-fly"], 422),
        ("admin", [], 422),
    ],
)
async def test_a_key_never_holds_more_than_its_maker(
    user: Caller, role: str, asked: list[str], status: int
) -> None:
    client = await user(role)
    body = {"name": "a key", "permissions": asked}
    answer = await client.post("/api/v1/auth/api-keys", json=body)
    assert answer.status_code == status, answer.text


async def test_a_demoted_makers_key_loses_what_its_maker_lost(
    admin: httpx.AsyncClient, user: Caller, stranger: httpx.AsyncClient
) -> None:
    client = await user("supervisor")
    body = {"name": "both", "permissions": ["write", "metrics:read"]}
    key = (await client.post("/api/v1/auth/api-keys", json=body)).json()["api_key"]
    await admin.patch(f"/api/v1/users/{client.headers['X-Test-User']}", json={"role": "viewer"})
    me = await stranger.get("/auth/me", headers={"X-API-Key": key})
    assert me.json()["permissions"] == ["metrics:read"]


async def test_a_key_makes_no_keys(key: Caller) -> None:
    client = await key("*")
    body = {"name": "a key's key", "permissions": ["read"]}
    assert (await client.post("/api/v1/auth/api-keys", json=body)).status_code == 403


async def test_an_expiry_in_the_past_is_refused(admin: httpx.AsyncClient) -> None:
    body = {"name": "late", "permissions": ["read"], "expires_at": "2020-01-01T00:00:00Z"}
    answer = await admin.post("/api/v1/auth/api-keys", json=body)
    assert answer.status_code == 422
    assert "expires_at" in answer.json()["error"]["details"]["fields"]


async def test_a_key_stops_when_it_expires(
    admin: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    body = {"name": "brief", "permissions": ["read"], "expires_at": soon}
    key = (await admin.post("/api/v1/auth/api-keys", json=body)).json()["api_key"]
    for _ in range(10_000):
        answer = await stranger.get("/auth/me", headers={"X-API-Key": key})
        if answer.status_code == 401:
            break
    assert answer.status_code == 401


async def test_an_empty_role_sees_no_others_keys(user: Caller, admin: httpx.AsyncClient) -> None:
    client = await user("viewer")
    assert (await client.get("/api/v1/auth/api-keys")).json() == {"total": 0, "api_keys": []}
    body = {"name": "the admin's", "permissions": ["read"]}
    created = (await admin.post("/api/v1/auth/api-keys", json=body)).json()
    answer = await client.delete(f"/api/v1/auth/api-keys/{created['key_id']}")
    assert answer.status_code == 404


async def test_the_password_can_be_changed_and_then_opens(
    admin: httpx.AsyncClient, user: Caller, stranger: httpx.AsyncClient
) -> None:
    client = await user("viewer")
    username = client.headers["X-Test-User"]
    await admin.patch(f"/api/v1/users/{username}", json={"password": "a-new-password"})
    assert (await log_in(stranger, username, "a-new-password"))["access_token"]
