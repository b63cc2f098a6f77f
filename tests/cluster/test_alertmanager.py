"""Alertmanager's webhook, version 4: taken in, and sent on."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from tests.cluster.conftest import Make, Running
from tests.patience import eventually

# As Alertmanager 0.27 sends it.
GROUP: dict[str, Any] = {
    "receiver": "gemba",
    "status": "firing",
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "HighTemperature", "instance": "oven-3", "severity": "page"},
            "annotations": {"summary": "Oven 3 is at 310 °C"},
            "startsAt": "2026-02-03T04:05:06.789Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus:9090/graph",
            "fingerprint": "c0ffee00c0ffee00",
        }
    ],
    "groupLabels": {"alertname": "HighTemperature"},
    "commonLabels": {"alertname": "HighTemperature"},
    "commonAnnotations": {},
    "externalURL": "http://alertmanager:9093",
    "version": "4",
    "groupKey": '{}:{alertname="HighTemperature"}',
    "truncatedAlerts": 0,
}


async def of_the_oven(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await client.get("/alerts?component=oven-3")).json()
    return found


async def test_an_alert_comes_in_once_and_ends(shared: Running) -> None:
    async with shared.client("supervisor") as client:
        for _ in range(3):
            answer = await client.post("/alerts/webhook", json=GROUP)
            assert (answer.status_code, answer.json()) == (202, {"accepted": 1})

        async def raised() -> Any:
            return await of_the_oven(client)

        found = await eventually(raised, what="the alert")
        assert len(found) == 1
        assert found[0]["severity"] == "critical"
        assert found[0]["source"] == "alertmanager"
        assert found[0]["message"] == "Oven 3 is at 310 °C"
        assert found[0]["timestamp"] == "2026-02-03T04:05:06.789Z"
        ended = {**GROUP["alerts"][0], "status": "resolved", "endsAt": "2026-02-03T05:00:00Z"}
        body = {**GROUP, "status": "resolved", "alerts": [ended]}
        assert (await client.post("/api/alerts/webhook/", json=body)).status_code == 202

        async def resolved() -> Any:
            listed = await of_the_oven(client)
            return listed if listed[0]["resolved"] else None

        assert len(await eventually(resolved, what="its end")) == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"version": "3"}, "version"),
        ({"alerts": {}}, "alerts"),
        ({"alerts": [{**GROUP["alerts"][0], "fingerprint": "a\r\nPUB x"}]}, "fingerprint"),
        ({"alerts": [{**GROUP["alerts"][0], "startsAt": "0001-01-01T00:00:00+14:00"}]}, "startsAt"),
        ({"alerts": [{"status": "firing"}]}, "labels"),
    ],
)
async def test_another_body_is_422_and_named(
    shared: Running, change: dict[str, Any], field: str
) -> None:
    async with shared.client("supervisor") as client:
        answer = await client.post("/alerts/webhook", json={**GROUP, **change})
    assert answer.status_code == 422
    assert any(field in one["loc"] for one in answer.json()["detail"])


async def test_who_may_only_read_sends_no_alerts(viewer: httpx.AsyncClient) -> None:
    assert (await viewer.post("/alerts/webhook", json=GROUP)).status_code == 403


class Receiver:
    """Listens as an Alertmanager webhook receiver does; the first call fails."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.fails = 1
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status = 200
                if receiver.fails:
                    receiver.fails -= 1
                    status = 503
                else:
                    receiver.bodies.append(body)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Keep quiet."""

        return Handler


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    threading.Thread(target=made.server.serve_forever, daemon=True).start()
    yield made
    made.server.shutdown()
    made.server.server_close()


async def test_alerts_are_sent_on_until_they_arrive(launch: Make, receiver: Receiver) -> None:
    running = launch(GEMBA_ALERT_WEBHOOK_URL=receiver.url)
    async with running.client("admin") as client:
        await client.post("/alerts/webhook", json=GROUP)

        async def arrived() -> Any:
            return receiver.bodies

        (body,) = await eventually(arrived, what="the webhook")
        assert (body["version"], body["status"]) == ("4", "firing")
        assert body["alerts"][0]["annotations"]["summary"] == "Oven 3 is at 310 °C"
        ended = {**GROUP["alerts"][0], "status": "resolved", "endsAt": "2026-02-03T05:00:00Z"}
        await client.post("/alerts/webhook", json={**GROUP, "alerts": [ended]})

        async def ends() -> Any:
            return len(receiver.bodies) == 2 and receiver.bodies[1]

        last = await eventually(ends, what="the second webhook")
        assert last["status"] == last["alerts"][0]["status"] == "resolved"
        assert last["alerts"][0]["endsAt"] == "2026-02-03T05:00:00.000Z"
        # What we send can be taken in by another mesh.
        assert (await client.post("/alerts/webhook", json=last)).status_code == 202
