"""`/ws/{client_id}`: topics, rights, subscribe, ping, resuming, and a client that does not read."""

import asyncio
import json
import socket as sockets
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from common.bus import Bus
from tests.cluster.conftest import Running
from tests.patience import PATIENCE_S, eventually

ALL = ["alerts", "devices", "inspections", "machines", "printers", "system", "tracking"]


def watching(running: Running, query: str = "", *, role: str = "viewer", **claims: Any) -> connect:
    url = running.url.replace("http", "ws") + f"/ws/wall{query}"
    headers = {"Authorization": f"Bearer {running.issuer.token(role, **claims)}"}
    return connect(url, additional_headers=headers, compression=None)


async def read(socket: ClientConnection, **wanted: Any) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            event: dict[str, Any] = json.loads(await socket.recv())
            if all(event.get(name) == value for name, value in wanted.items()):
                return event


async def ask(socket: ClientConnection, body: Any) -> dict[str, Any]:
    await socket.send(body if isinstance(body, str) else json.dumps(body))
    async with asyncio.timeout(PATIENCE_S):
        while True:
            event: dict[str, Any] = json.loads(await socket.recv())
            if "topic" not in event:
                return event


async def tell(bus: Bus, domain: str, number: int) -> None:
    await bus.publish(
        f"gemba.{domain}.status.x",
        {"type": f"{domain}_status", "timestamp": "t", f"{domain}_id": "x", "data": {"n": number}},
    )


async def test_every_topic_comes_with_its_seq(shared: Running) -> None:
    async with shared.bus() as bus, watching(shared) as socket:
        await ask(socket, {"type": "ping"})
        for number, domain in enumerate(("inspection", "machine", "printer", "device", "tracking")):
            await tell(bus, domain, number)
        seen: list[int] = []
        for number, topic in enumerate(
            ("inspections", "machines", "printers", "devices", "tracking")
        ):
            event = await read(socket, topic=topic)
            assert event["data"]["n"] == number
            assert event["timestamp"].endswith("Z")
            seen.append(event["seq"])
        assert seen == sorted(set(seen))
        assert event["type"] == "tracking_status"
        await bus.publish("gemba.device.token_revoked.x", {"secret": True})
        await bus.publish("gemba.alert.raised.devices-9", {
            "id": "devices-9", "severity": "info", "component": "device:9", "message": "m",
            "timestamp": "2026-01-01T00:00:00.000Z", "resolved": False, "source": "devices",
        })  # fmt: skip
        alert = await read(socket, topic="alerts")
        assert alert["type"] == "alert"
        assert set(alert["data"]) >= {
            "id", "severity", "component", "message", "timestamp", "resolved", "source",
        }  # fmt: skip


async def test_subscribe_replaces_the_set_and_ping_is_answered(shared: Running) -> None:
    async with shared.bus() as bus, watching(shared) as socket:
        pong = await ask(socket, {"type": "ping"})
        assert (pong["type"], pong["timestamp"][-1]) == ("pong", "Z")
        answer = await ask(socket, {"type": "subscribe", "topics": ["devices", "alerts"]})
        assert (answer["type"], answer["topics"]) == ("subscribed", ["alerts", "devices"])
        await tell(bus, "printer", 1)
        await tell(bus, "device", 2)
        event = await read(socket)
        assert (event["topic"], event["data"]["n"]) == ("devices", 2)
        answer = await ask(socket, {"type": "subscribe", "topics": []})
        assert answer["topics"] == []


@pytest.mark.parametrize(
    "body",
    [
        "nonsense", "[]", "null", '"ping"', {"type": "subscribe"}, {"type": "dance"}, {},
        {"type": "subscribe", "topics": "devices"}, {"type": "subscribe", "topics": [1]},
        {"type": "subscribe", "topics": ["devices", "weather"]},
        {"type": "subscribe", "topics": ["logs"]},
    ],
)  # fmt: skip
async def test_what_makes_no_sense_is_an_error_and_changes_nothing(
    shared: Running, body: Any
) -> None:
    async with shared.bus() as bus, watching(shared) as socket:
        answer = await ask(socket, body)
        assert answer["type"] == "error"
        assert answer["message"]
        await tell(bus, "printer", 5)
        assert (await read(socket, topic="printers"))["data"]["n"] == 5


async def test_a_topic_wants_its_right(shared: Running) -> None:
    async with watching(shared, role="viewer", permissions=["printers:read"]) as socket:
        forbidden = await ask(socket, {"type": "subscribe", "topics": ["devices"]})
        assert (forbidden["type"], forbidden["topics"]) == ("error", ["devices"])
        allowed = await ask(socket, {"type": "subscribe", "topics": ["printers"]})
        assert allowed["type"] == "subscribed"
    for token, code in (("machine", 400), ("", 401)):
        headers = {"Authorization": f"Bearer {shared.issuer.token(token)}"} if token else {}
        url = shared.url.replace("http", "ws") + "/ws/x?after=x"
        with pytest.raises(InvalidStatus) as refused:
            async with connect(url, additional_headers=headers):
                pass
        assert refused.value.response.status_code == code
        assert b"detail" in (refused.value.response.body or b"")
    with pytest.raises(InvalidStatus) as refused:
        async with watching(shared, role="viewer", permissions=["observations:write"]):
            pass
    assert refused.value.response.status_code == 403


async def test_log_lines_are_the_administrators(shared: Running, admin: httpx.AsyncClient) -> None:
    async with watching(shared, role="admin") as socket:
        answer = await ask(socket, {"type": "subscribe", "topics": ["logs"]})
        assert answer["topics"] == ["logs"]
        await admin.get("/alerts", headers={"X-Request-ID": "seen-live"})
        while True:
            event = await read(socket, topic="logs")
            if event["data"]["request_id"] == "seen-live":
                break
        assert event["type"] == "log"


async def test_a_client_resumes_without_loss(shared: Running) -> None:
    async with shared.bus() as bus:
        async with watching(shared) as socket:
            await ask(socket, {"type": "ping"})
            await tell(bus, "device", 0)
            seq = (await read(socket, topic="devices"))["seq"]
        for number in range(1, 200):
            await tell(bus, "device", number)
        async with watching(shared, f"?after={seq}") as socket:
            for number in range(200, 210):
                await tell(bus, "device", number)
            seen: list[int] = []
            while len(seen) < 209:
                seen.append((await read(socket, topic="devices"))["data"]["n"])
    assert seen == list(range(1, 210))


async def test_what_is_no_longer_kept_is_a_resync(shared: Running) -> None:
    async with watching(shared, "?after=999999999") as socket:
        assert json.loads(await socket.recv())["type"] == "resync"
        assert (await ask(socket, {"type": "ping"}))["type"] == "pong"


async def test_the_same_client_twice_both_live(shared: Running) -> None:
    async with shared.bus() as bus, watching(shared) as one, watching(shared) as other:
        for socket in (one, other):
            await ask(socket, {"type": "ping"})
        await tell(bus, "machine", 3)
        for socket in (one, other):
            assert (await read(socket, topic="machines"))["data"]["n"] == 3


async def test_who_does_not_read_is_cut_off_and_harms_nobody(
    shared: Running, viewer: httpx.AsyncClient
) -> None:
    stuck = sockets.create_connection(("127.0.0.1", int(shared.url.rpartition(":")[2])))
    stuck.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    token = shared.issuer.token("viewer")
    stuck.sendall(
        b"GET /ws/stuck HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        b"Authorization: Bearer " + token.encode() + b"\r\n\r\n"
    )
    await asyncio.sleep(0.5)
    assert b" 101 " in stuck.recv(200)
    filler = "x" * 20_000

    async def dropped() -> Any:
        text = (await viewer.get("/metrics")).text
        return "cluster_viewers_dropped_total 1.0" in text

    async with shared.bus() as bus, watching(shared) as socket:
        await ask(socket, {"type": "subscribe", "topics": ["printers"]})
        for number in range(1_200):
            await bus.publish("gemba.printer.status.x", {"n": number, "filler": filler})
            if number % 20 == 0:
                await bus.client.flush()
            event = await read(socket, topic="printers")
            assert event["data"]["n"] == number
        await eventually(dropped, what="the cut")
    stuck.close()


async def test_the_order_of_topics_is_the_contracts(shared: Running) -> None:
    async with watching(shared) as socket:
        answer = await ask(socket, {"type": "subscribe", "topics": ALL})
        assert answer["topics"] == ALL
