"""Health, documentation, metrics and the connection's own limits."""

import asyncio
import gzip
import re
from datetime import datetime

import httpx
import pytest

from gemba_local.mesh import LocalMesh
from tests.callers import calling
from tests.conftest import Caller
from tests.gateway.conftest import Process, running_gateway
from tests.patience import PATIENCE_S


@pytest.mark.parametrize("path", ["/health", "/health/", "/api/health", "/api/health/"])
async def test_health_is_public_and_has_every_component(
    stranger: httpx.AsyncClient, path: str
) -> None:
    answer = await stranger.get(path)
    assert answer.status_code == 200
    body = answer.json()
    assert body["status"] == "healthy", body
    assert datetime.fromisoformat(body["timestamp"]).tzinfo
    assert body["timestamp"].endswith("Z")
    assert body["uptime_seconds"] >= 0
    components = body["components"]
    for name in ("postgresql", "nats", "gateway", "orchestrator", "tracking", "printers",
                 "devices", "cluster"):  # fmt: skip
        assert components[name] == "healthy"
    for name in ("redis", "qdrant", "ollama"):
        assert components[name] == "disabled"
    assert isinstance(components["cameras"], dict)
    assert components["gpu"] is None


async def test_a_service_that_is_down_makes_the_mesh_degraded(second: Process) -> None:
    async with calling(second.url) as client:
        answer = await client.get("/health")
    assert answer.status_code == 200
    assert answer.json()["status"] == "degraded"
    assert answer.json()["components"]["tracking"] == "unhealthy"


async def test_the_documentation_shows_the_whole_mesh_on_one_page(
    stranger: httpx.AsyncClient,
) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            document = (await stranger.get("/openapi.json")).json()
            if "/api/v1/machines" in document["paths"]:
                break
            await asyncio.sleep(0.1)
    paths = document["paths"]
    for path in ("/health", "/api/v1/auth/login", "/auth/me", "/api/token", "/api/v1/inspections"):
        assert path in paths
    assert not [path for path in paths if "internal" in path or path == "/metrics"]
    references = set(re.findall(r'"#/components/schemas/([^"]+)"', str(document).replace("'", '"')))
    assert references <= set(document["components"]["schemas"])


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
async def test_no_page_asks_anything_of_another_host(
    stranger: httpx.AsyncClient, path: str
) -> None:
    page = await stranger.get(path)
    assert page.status_code == 200
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'self';")
    assert "http" not in policy
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert loaded
    for url in loaded:
        assert url.startswith("/"), url
        assert (await stranger.get(url)).status_code == 200, url
    assert "validatorUrl" in page.text or path != "/docs"


async def test_metrics_count_by_route_template_and_come_compressed(
    stranger: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    await admin.get("/api/v1/users/somebody-who-is-not")
    request = stranger.build_request("GET", "/metrics", headers={"Accept-Encoding": "gzip"})
    answer = await stranger.send(request, stream=True)
    raw = b"".join([part async for part in answer.aiter_raw()])
    assert answer.headers["Content-Encoding"] == "gzip"
    text = gzip.decompress(raw).decode()
    assert 'http_requests_total{code="404",method="GET",route="/api/v1/users' in text
    assert "http_request_duration_seconds_bucket" in text
    assert "somebody-who-is-not" not in text


async def test_headers_over_the_limit_are_refused(
    second: Process, stranger: httpx.AsyncClient
) -> None:
    answer = await stranger.get("/auth/me", headers={"X-Large": "x" * 40_000})
    assert answer.status_code == 431


async def test_endless_headers_are_cut_off(second: Process) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(second.url.split(":")[-1]))
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n")
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not reader.at_eof():
                writer.write(b"X-Line: " + b"x" * 1000 + b"\r\n")
                await writer.drain()
                if reader._transport.is_closing():  # type: ignore[attr-defined] # asyncio offers no public way
                    break
                await asyncio.sleep(0)
    except ConnectionError:
        pass
    finally:
        writer.close()
    async with calling(second.url) as client:
        assert (await client.get("/healthz")).status_code == 200


async def test_slow_headers_and_too_many_connections_are_cut_off(
    gateway_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    log = tmp_path_factory.mktemp("guard") / "log"
    environment = gateway_environment | {
        "GEMBA_HEADER_TIMEOUT_S": "0.3",
        "GEMBA_MAX_CONNECTIONS_PER_ADDRESS": "5",
    }
    async with running_gateway(environment, log) as own:
        port = int(own.url.split(":")[-1])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost:")
        async with asyncio.timeout(PATIENCE_S):
            assert await reader.read() == b""
        writer.close()
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
        sixth, sixth_writer = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.timeout(PATIENCE_S):
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await sixth.readexactly(1)
        for _, held_writer in [*held, (sixth, sixth_writer)]:
            held_writer.close()
        async with calling() as client, asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    answer = await client.get(f"{own.url}/healthz")
                    break
                except httpx.TransportError:
                    await asyncio.sleep(0.05)
        assert answer.status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/auth/me%00", "/api/v1/users/a%00b", "/api/v1/users/%FF", "/api/v1/users/..%2f..", "//"],
)
async def test_an_odd_path_is_no_server_error(admin: httpx.AsyncClient, path: str) -> None:
    assert (await admin.get(path)).status_code < 500


async def test_pages_of_allowed_origins_may_call(stranger: httpx.AsyncClient) -> None:
    asked = {"Origin": "https://wall.example", "Access-Control-Request-Method": "GET"}
    answer = await stranger.options("/api/v1/workers", headers=asked)
    assert answer.headers["Access-Control-Allow-Origin"] == "https://wall.example"
    asked["Origin"] = "https://evil.example"
    answer = await stranger.options("/api/v1/workers", headers=asked)
    assert "Access-Control-Allow-Origin" not in answer.headers


async def test_no_password_or_token_is_in_any_log(mesh: LocalMesh, user: Caller) -> None:
    client = await user("viewer")
    await client.get("/auth/me", params={"token": "sk_live_abcdefgh", "api_key": "printer-secret"})
    await client.get("/auth/me")
    log = await asyncio.to_thread(mesh.log.read_text)
    for secret in (
        client.headers["X-Test-Password"],
        client.headers["Authorization"].split(".")[1],
        "sk_live_abcdefgh",
        "printer-secret",
        mesh.secret("mesh_secret"),
        mesh.secret("machine_key"),
        mesh.secret("database_password"),
    ):
        assert secret not in log
