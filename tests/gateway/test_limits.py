"""Limits as chapter 4 has them, on a gateway with the contract's own figures."""

import time

import pytest

from gateway.buckets import Windows
from tests.callers import calling
from tests.conftest import Caller, an_address
from tests.gateway.conftest import Process

HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        ("/api/v1/workers", 100),
        ("/api/v1/zones/", 100),
        ("/api/v1/query", 20),
        ("/api/v1/query/stream", 20),
        ("/api/v1/metrics/today", 200),
        ("/api/v1/machines/", 1000),
        ("/api/v1/dashboard/", 1000),
        ("/api/v1/auth/api-keys", 300),
        ("/auth/me", 300),
        ("/alerts", 300),
        ("/api/devices/echo", 300),
        ("/api/printers", 300),
        ("/api/v1/some-device-token/telemetry", 600),
    ],
)
async def test_each_path_has_its_limit_and_tells_it(
    second: Process, user: Caller, path: str, limit: int
) -> None:
    client = await user("supervisor")
    async with calling(second.url, headers=client.headers) as limited:
        first = await limited.get(path)
        again = await limited.get(path)
    for answer in (first, again):
        assert int(answer.headers["X-RateLimit-Limit"]) == limit
        assert time.time() - 1 <= int(answer.headers["X-RateLimit-Reset"]) <= time.time() + 3601
    assert int(again.headers["X-RateLimit-Remaining"]) == limit - 2


@pytest.mark.parametrize("path", ["/health", "/api/health/", "/metrics", "/api/v1/webhooks/status"])
async def test_some_paths_are_never_limited(second: Process, key: Caller, path: str) -> None:
    machine = await key("machine")
    async with calling(second.url, headers=machine.headers) as client:
        answer = await client.get(path)
    assert not set(HEADERS) & set(answer.headers)


async def test_a_machine_has_a_hundred_a_minute_at_the_orchestrator(
    second: Process, key: Caller
) -> None:
    machine = await key("machine")
    async with calling(second.url, headers=machine.headers) as client:
        answer = await client.get("/api/v1/machines")
    assert answer.headers["X-RateLimit-Limit"] == "100"
    assert int(answer.headers["X-RateLimit-Reset"]) <= time.time() + 61


async def test_the_one_over_the_limit_is_refused_as_documented(
    second: Process, user: Caller
) -> None:
    client = await user("viewer")
    async with calling(second.url, headers=client.headers) as limited:
        for _ in range(20):
            assert (await limited.post("/api/v1/query", json={})).status_code != 429
        answer = await limited.post("/api/v1/query", json={})
        assert answer.status_code == 429
        error = answer.json()["error"]
        wait = int(answer.headers["Retry-After"])
        assert error["code"] == "RATE_LIMIT_EXCEEDED"
        assert error["message"] == f"Rate limit exceeded. Please retry after {wait} seconds."
        assert error["details"] == {"limit": 20, "window": "1 minute", "retry_after": wait}
        assert answer.headers["X-RateLimit-Remaining"] == "0"
        # Another row is another bucket, another caller has a bucket of their own.
        assert (await limited.get("/auth/me")).status_code == 200
    other = await user("viewer")
    async with calling(second.url, headers=other.headers) as limited:
        assert (await limited.post("/api/v1/query", json={})).status_code != 429


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/api/devices/echo", "Request was throttled."),
        ("/api/status/1", "Limite de requisições excedido."),
        ("/alerts", "Rate limit exceeded."),
    ],
)
async def test_a_refusal_speaks_its_family(second: Process, path: str, said: str) -> None:
    headers = {"X-Forwarded-For": an_address()}
    async with calling(second.url, headers=headers) as client:
        for _ in range(300):
            await client.get("/api/status/1")
        answer = await client.get(path)
    assert answer.status_code == 429
    assert said in (answer.json().get("detail") or answer.json()["message"])


async def test_a_wrong_token_counts_against_its_address(second: Process) -> None:
    address = an_address()
    headers = {"X-Forwarded-For": address, "Authorization": "Bearer wrong"}
    async with calling(second.url, headers=headers) as client:
        assert (await client.get("/auth/me")).status_code == 401
        answer = await client.get("/auth/me")
    assert answer.headers["X-RateLimit-Remaining"] == "298"


async def test_a_printer_has_a_bucket_of_its_own_once_its_key_is_verified(
    second: Process,
) -> None:
    """The echo verifies the key `good`, as the printers service does with a real one."""
    address = an_address()
    async with calling(second.url, headers={"X-Forwarded-For": address}) as client:
        body = {"api_key": "good", "printer_id": f"P{address}"}
        first = await client.post("/api/status/verified", json=body)
        assert first.status_code == 200
        assert "X-Gemba-Verified" not in first.headers
        later = await client.post("/api/status/verified", json=body)
        assert later.headers["X-RateLimit-Remaining"] == "299"
        wrong = await client.post("/api/status/verified", json={**body, "api_key": "bad"})
        assert wrong.headers["X-RateLimit-Remaining"] == "298"


def test_windows_of_callers_that_went_are_forgotten() -> None:
    moment = [0.0]
    windows = Windows(clock=lambda: moment[0])
    for caller in range(40_000):
        moment[0] = caller / 1000  # a thousand new ones in each second
        assert windows.count(str(caller), seconds=1)[0] == 1
        assert len(windows) <= 10_000
    assert windows.count("39999", seconds=1) == (2, 39.999 + 1)
    moment[0] = 41.0
    assert windows.count("39999", seconds=1) == (1, 42.0)
