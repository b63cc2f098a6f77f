"""What passes through the gateway, what does not, and what a failing service looks like."""

import asyncio
import hashlib
import os
import signal
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.callers import calling
from tests.conftest import Caller, an_address
from tests.gateway.conftest import Process, running_gateway
from tests.patience import PATIENCE_S

BIG = 20 * 1024 * 1024
CHUNK = bytes(range(256)) * 256


@pytest.fixture
async def through(second: Process, user: Caller) -> AsyncIterator[httpx.AsyncClient]:
    """A supervisor at the second gateway, from an address of their own."""
    headers = (await user("supervisor")).headers
    async with calling(second.url, headers=headers) as client:
        yield client


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("slash", ["", "/"])
async def test_every_method_passes_with_and_without_a_slash(
    through: httpx.AsyncClient, method: str, slash: str
) -> None:
    content = b"" if method in ("GET", "DELETE") else b"body"
    answer = await through.request(method, f"/api/devices/echo{slash}?a=1&b=%20", content=content)
    assert answer.status_code == 200
    told = answer.json()
    assert told["method"] == method
    assert told["path"] == "/api/devices/echo"
    assert told["query"] == "a=1&b=%20"
    assert told["body"] == content.decode()


async def test_one_credential_goes_on_and_it_is_the_meshs(through: httpx.AsyncClient) -> None:
    given = through.headers["Authorization"]
    answer = await through.get(
        "/api/devices/echo",
        headers={
            "Cookie": "secret=1",
            "X-Forwarded-For": "203.0.113.7",
            "X-Forwarded-Host": "evil.example",
            "X-Gemba-Verified": "printer:P1",
            "Connection": "x-private",
            "X-Private": "for this hop only",
            "X-Kept": "kept",
        },
    )
    headers = answer.json()["headers"]
    assert headers["authorization"].startswith("Bearer ey")
    assert headers["authorization"] != given
    assert not {"cookie", "x-private", "x-gemba-verified"} & set(headers)
    assert headers["x-kept"] == "kept"
    assert headers["x-forwarded-for"] == "203.0.113.7"
    assert headers["x-forwarded-host"] == through.base_url.netloc.decode()
    assert headers["x-request-id"] == answer.headers["X-Request-ID"]
    assert headers["traceparent"].startswith("00-")


async def test_an_api_key_is_exchanged_for_a_token(second: Process, key: Caller) -> None:
    client = await key("read")
    async with calling(second.url, headers=client.headers) as through:
        headers = (await through.get("/api/devices/echo")).json()["headers"]
    assert "x-api-key" not in headers
    assert headers["authorization"].startswith("Bearer ey")


async def test_a_sane_request_id_is_kept_and_another_is_replaced(
    through: httpx.AsyncClient,
) -> None:
    answer = await through.get("/api/devices/echo", headers={"X-Request-ID": "order-7.a"})
    assert answer.headers.get_list("X-Request-ID") == ["order-7.a"]
    answer = await through.get("/api/devices/echo", headers={"X-Request-ID": "a b" * 100})
    assert len(answer.headers["X-Request-ID"]) == 32


async def test_an_answer_passes_as_it_is(through: httpx.AsyncClient) -> None:
    answer = await through.get("/api/devices/teapot")
    assert (answer.status_code, answer.content) == (418, b"short and stout")
    assert answer.headers["X-Kept"] == "yes"


async def test_twenty_megabytes_pass_in_bounded_memory(
    through: httpx.AsyncClient, second: Process
) -> None:
    async def upload() -> AsyncIterator[bytes]:
        for _ in range(BIG // len(CHUNK)):
            yield CHUNK

    expected = hashlib.sha256(CHUNK * (BIG // len(CHUNK))).hexdigest()
    await through.get("/api/devices/stream", params={"chunks": 16})
    before = second.resident_kib
    for _ in range(2):
        received = hashlib.sha256()
        async with through.stream(
            "GET", "/api/devices/stream", params={"chunks": BIG // len(CHUNK)}
        ) as answer:
            async for part in answer.aiter_raw():
                received.update(part)
        assert received.hexdigest() == expected
        # Images are the path whose bodies may be so large.
        sent = await through.post("/api/v1/images/digest", content=upload())
        assert sent.json() == {"size": BIG, "sha256": expected}
    # Neither a body of 20 MiB nor a good part of one stays in memory.
    assert second.resident_kib - before < 8 * 1024


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_over_its_paths_limit_is_refused(
    through: httpx.AsyncClient, declared: bool
) -> None:
    async def upload() -> AsyncIterator[bytes]:
        for _ in range(32):
            yield CHUNK

    content = CHUNK * 32 if declared else upload()
    answer = await through.post("/api/devices/digest", content=content)
    assert answer.status_code == 413
    assert answer.json() == {"detail": "The body is larger than this path takes."}


async def test_a_body_at_the_limit_passes(through: httpx.AsyncClient) -> None:
    answer = await through.post("/api/devices/digest", content=CHUNK * 16)
    assert answer.json()["size"] == 1024 * 1024


@pytest.mark.parametrize(
    ("path", "read"),
    [
        ("/api/v1/workers", lambda body: body["error"]["code"] == "UPSTREAM_UNAVAILABLE"),
        ("/api/v1/metrics/today", lambda body: "tracking" in body["error"]["message"]),
    ],
)
async def test_a_service_that_is_down_is_503_with_retry_after(
    through: httpx.AsyncClient, path: str, read: object
) -> None:
    assert callable(read)
    for _ in range(8):
        answer = await through.get(path)
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) >= 1
        assert read(answer.json())


async def test_a_service_that_is_silent_is_504_in_time(
    gateway_environment: dict[str, str], user: Caller, tmp_path: object
) -> None:
    from pathlib import Path

    import gateway

    assert isinstance(tmp_path, Path)
    table = (Path(gateway.__file__).parent / "routes.toml").read_text()
    routes = tmp_path / "routes.toml"
    routes.write_text(table.replace("timeout_s = 120", "timeout_s = 0.5"))
    environment = gateway_environment | {"GEMBA_ROUTES_FILE": str(routes)}
    headers = (await user("viewer")).headers
    async with (
        running_gateway(environment, tmp_path / "log") as own,
        calling(own.url, headers=headers) as client,
    ):
        async with asyncio.timeout(PATIENCE_S):
            answer = await client.get("/api/devices/silent")
        assert answer.status_code == 504
        assert answer.json() == {"detail": "The devices service did not answer in time."}
        # A stream that flows is not cut by the same half second.
        answer = await client.get("/api/devices/stream", params={"chunks": 200})
        assert len(answer.content) == 200 * len(CHUNK)
        # The file is read again while the gateway runs; a broken one changes nothing.
        routes.write_text("limits = 7")
        await _logged(own, "the routes stay as they were")
        assert (await client.get("/api/devices/echo")).status_code == 200
        routes.write_text(table.replace("/api/devices", "/api/renamed"))
        await _logged(own, "the routes have been read again")
        assert (await client.get("/api/devices/echo")).status_code == 404


async def _logged(process: Process, text: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while text not in await asyncio.to_thread(process.log.read_text):
            await asyncio.sleep(0.05)


async def test_an_answer_that_breaks_off_breaks_off(through: httpx.AsyncClient) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        await through.get("/api/devices/broken")
    assert (await through.get("/api/devices/echo")).status_code == 200


async def test_a_client_that_hangs_up_harms_nobody(
    through: httpx.AsyncClient, second: Process
) -> None:
    for _ in range(20):
        async with through.stream(
            "GET", "/api/devices/stream", params={"chunks": 10_000}
        ) as answer:
            async for _part in answer.aiter_raw():
                break
    assert (await through.get("/api/devices/echo")).status_code == 200
    assert "Traceback" not in await asyncio.to_thread(second.log.read_text)


async def test_two_hundred_requests_at_once_all_pass(through: httpx.AsyncClient) -> None:
    async with asyncio.TaskGroup() as tasks:
        sent = [tasks.create_task(through.get("/api/v1/images/echo")) for _ in range(200)]
    assert {task.result().status_code for task in sent} == {200}


async def test_a_stopped_gateway_that_serves_nobody_ends_at_once(
    gateway_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    log = tmp_path_factory.mktemp("drain") / "log"
    async with running_gateway(gateway_environment, log) as own:
        os.kill(own.pid, signal.SIGTERM)
        async with calling() as client, asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    await client.get(f"{own.url}/healthz")
                except httpx.TransportError:
                    break
                await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v1/nothing-here", ("error", "code")),
        ("/api/devices/echo", ("detail",)),
        ("/api/printers", ("message",)),
        ("/alerts", ("detail",)),
    ],
)
async def test_without_a_credential_it_is_401_in_the_family(
    second: Process, path: str, body: tuple[str, ...]
) -> None:
    headers = {"X-Forwarded-For": an_address()}
    async with calling(second.url, headers=headers) as client:
        answer = await client.get(path)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    told = answer.json()
    for name in body:
        told = told[name]
    assert told
