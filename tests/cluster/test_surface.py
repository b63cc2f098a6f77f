"""Every path and its `/api` twin, with the bodies, rights and errors of the contract."""

from typing import Any

import httpx
import pytest

from tests.callers import calling
from tests.cluster.conftest import Running
from tests.patience import eventually

READ_PATHS = (
    "/cluster/status",
    "/monitoring/status",
    "/metrics/system",
    "/alerts",
    "/workers",
    "/logs",
    "/settings",
    "/operations",
    "/settings/history",
)
METRICS = {
    "timestamp", "cpu_percent", "memory_percent", "disk_percent", "load_average",
    "network_bytes_sent", "network_bytes_recv", "gpu", "node",
}  # fmt: skip


async def metrics_of(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    async def ask() -> Any:
        return (await client.get("/metrics/system")).json()

    found: list[dict[str, Any]] = await eventually(ask, what="a sample")
    return found


@pytest.mark.parametrize("path", READ_PATHS)
@pytest.mark.parametrize("prefix", ["", "/api"])
async def test_every_path_and_its_twin_answer_with_and_without_a_slash(
    shared: Running, viewer: httpx.AsyncClient, path: str, prefix: str
) -> None:
    for url in (f"{prefix}{path}", f"{prefix}{path}/"):
        answer = await viewer.get(url)
        assert answer.status_code == 200, answer.text
        assert answer.headers["X-Request-ID"]


@pytest.mark.parametrize(
    "path", [*READ_PATHS, "/api/system_metrics", "/workers/x", "/operations/x"]
)
async def test_nobody_reads_without_a_token_or_the_right(shared: Running, path: str) -> None:
    async with calling(shared.url) as stranger:
        answer = await stranger.get(path)
        assert (answer.status_code, list(answer.json())) == (401, ["detail"])
    async with shared.client("machine") as machine:
        answer = await machine.get(path)
        assert answer.status_code == 403
        assert "permission" in answer.json()["detail"]


async def test_metrics_are_samples_of_this_host_newest_last(viewer: httpx.AsyncClient) -> None:
    found = await metrics_of(viewer)
    assert set(found[-1]) >= METRICS
    assert all(0 <= found[-1][f"{name}_percent"] <= 100 for name in ("cpu", "memory", "disk"))
    assert found[-1]["timestamp"].endswith("Z")
    assert found == sorted(found, key=lambda one: str(one["timestamp"]))
    assert len((await viewer.get("/metrics/system?limit=1")).json()) == 1
    assert (await viewer.get("/metrics/system?node=elsewhere")).json() == []
    for minutes in (600, 20_000):
        assert (await viewer.get(f"/metrics/system?minutes={minutes}")).status_code == 200


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/metrics/system?minutes=0", "minutes"),
        ("/metrics/system?limit=x", "limit"),
        ("/metrics/system?limit=0", "limit"),
        ("/alerts?severity=high", "severity"),
        ("/alerts?limit=0", "limit"),
        ("/logs?level=loud", "level"),
        ("/alerts?since=1767225600", "since"),
        ("/logs?since=yesterday", "since"),
        ("/logs?since=0001-01-01T00:00:00%2B14:00", "since"),
        ("/alerts?since=9999-12-31T23:59:59-14:00", "since"),
        ("/logs?limit=100000", "limit"),
    ],
)
@pytest.mark.parametrize("prefix", ["", "/api"])
async def test_a_bad_parameter_is_422_and_named(
    viewer: httpx.AsyncClient, prefix: str, path: str, field: str
) -> None:
    answer = await viewer.get(prefix + path)
    assert answer.status_code == 422
    assert field in answer.json()["detail"][0]["loc"]


async def test_the_summary_has_the_documented_fields(viewer: httpx.AsyncClient) -> None:
    await metrics_of(viewer)
    body = (await viewer.get("/api/system_metrics")).json()
    assert set(body) >= {"cpu", "memory", "disk", "dask", "gpu", "timestamp"}
    assert body["dask"] == {"status": "stopped", "port": 8786}
    assert 0 <= body["memory"] <= 100


async def test_the_status_tells_of_services_workers_and_performance(
    viewer: httpx.AsyncClient,
) -> None:
    await metrics_of(viewer)
    body = (await viewer.get("/cluster/status")).json()
    assert set(body) >= {
        "status", "timestamp", "cpu", "memory", "disk", "services", "workers", "performance",
    }  # fmt: skip
    own = body["services"]["cluster"]
    assert own["status"] == "healthy"
    assert own["version"]
    assert own["latency_ms"] > 0
    assert own["replicas"][0]["uptime_seconds"] >= 0
    assert body["services"]["postgresql"]["status"] == "healthy"
    assert body["workers"]["total"] == 0
    monitoring = (await viewer.get("/monitoring/status")).json()
    assert set(monitoring["alerts"]) >= {"total", "info", "warning", "critical"}
    assert monitoring["services"]["cluster"] == "healthy"
    assert monitoring["health"] in ("healthy", "degraded")


@pytest.mark.parametrize("prefix", ["", "/api"])
async def test_an_unknown_worker_or_operation_is_404(admin: httpx.AsyncClient, prefix: str) -> None:
    for method, path in (
        ("GET", "/workers/mv_000000000000"),
        ("POST", "/workers/mv_000000000000/stop"),
        ("POST", "/workers/mv_000000000000/restart"),
        ("GET", "/operations/op_nothing"),
        ("GET", "/logs/traces/nothing-has-this-id"),
    ):
        answer = await admin.request(method, prefix + path)
        assert answer.status_code == 404, (method, path, answer.text)
        assert isinstance(answer.json()["detail"], str)


@pytest.mark.parametrize("path", ["/workers/x/stop", "/workers/x/restart", "/settings"])
@pytest.mark.parametrize("prefix", ["", "/api"])
async def test_only_an_administrator_gives_orders(shared: Running, prefix: str, path: str) -> None:
    for role in ("viewer", "supervisor", "machine"):
        async with shared.client(role) as client:
            answer = await client.post(prefix + path, json={})
            assert answer.status_code == 403, answer.text
            assert "detail" in answer.json()


async def test_a_wrong_method_is_405(admin: httpx.AsyncClient) -> None:
    for path in ("/alerts", "/api/alerts", "/logs", "/cluster/status"):
        answer = await admin.post(path)
        assert answer.status_code == 405
        assert "detail" in answer.json()


async def test_a_moment_without_a_zone_is_utc(viewer: httpx.AsyncClient) -> None:
    for path in ("/alerts", "/logs"):
        for moment in ("2026-01-01T00:00:00", "0001-01-01T00:00:00", "2026-01-01"):
            answer = await viewer.get(path, params={"since": moment})
            assert answer.status_code == 200, (path, moment, answer.text)
