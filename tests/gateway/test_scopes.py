"""What a key of these permissions opens, at the service that answers."""

import pytest

from tests.conftest import Caller


@pytest.mark.parametrize(
    ("permissions", "method", "path", "status"),
    [
        (["read"], "GET", "/api/v1/machines", 200),
        (["machines:read"], "GET", "/api/v1/machines", 200),
        (["metrics:read", "zones:read"], "GET", "/api/v1/machines", 403),
        (["inspections:read"], "GET", "/api/v1/machines", 403),
        (["write"], "GET", "/api/v1/machines", 403),
        (["*"], "GET", "/api/v1/machines", 200),
        (["machine"], "GET", "/api/v1/machines", 200),
        (["machine"], "GET", "/api/v1/inspections", 403),
        (["machine"], "POST", "/api/v1/inspections", 403),
        (["read"], "POST", "/api/v1/inspections", 403),
        (["read"], "DELETE", "/api/v1/machines/mv_000000000000", 403),
        (["write"], "DELETE", "/api/v1/machines/mv_000000000000", 403),
        (["delete"], "DELETE", "/api/v1/machines/mv_000000000000", 404),
        (["read", "write"], "GET", "/api/v1/users", 403),
    ],
)
async def test_a_key_opens_what_its_permissions_say(
    key: Caller, permissions: list[str], method: str, path: str, status: int
) -> None:
    client = await key(*permissions)
    body: dict[str, object] | None = {} if method == "POST" else None
    answer = await client.request(method, path, json=body)
    assert answer.status_code == status, answer.text
    if status == 403:
        assert answer.json()["error"]["code"] == "AUTH_INSUFFICIENT_PERMISSIONS"
