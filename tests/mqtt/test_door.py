"""The MQTT door as devices see it (contract, chapter 8; MQTT 3.1 and 3.1.1)."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from urllib.parse import quote

import nats
import paho.mqtt.client as paho
import pytest

from gemba_local.mesh import LocalMesh
from tests.mqtt.conftest import Client, Device, Raw, connect_packet, text
from tests.patience import PATIENCE_S, PROMPTLY_S

Connect = Callable[..., Awaitable[Client]]
MakeDevice = Callable[[], Awaitable[Device]]
OpenRaw = Callable[[], AbstractAsyncContextManager[Raw]]
TELEMETRY = "v1/devices/me/telemetry"


@pytest.mark.parametrize("protocol", [paho.MQTTv31, paho.MQTTv311])
@pytest.mark.parametrize("qos", [0, 1, 2])
async def test_telemetry_is_stored(
    connect: Connect, device: Device, protocol: int, qos: int
) -> None:
    client = await connect(device.token, protocol=protocol)
    await client.publish(TELEMETRY, {"temperature": 21.5, "on": True, "label": "x"}, qos)
    await device.wait_count(2)
    latest = await device.get("latest/")
    assert latest["temperature"]["value"] == "21.5000000000"
    assert latest["on"]["value"] == "1.0000000000"


async def test_all_four_forms_are_understood(connect: Connect, device: Device) -> None:
    client = await connect(device.token)
    now = int(time.time() * 1000)
    await client.publish(TELEMETRY, {"a": 1})
    await client.publish(TELEMETRY, [{"b": 2}, {"c": 3}])
    await client.publish(TELEMETRY, {"ts": now, "values": {"d": 4}})
    await client.publish(TELEMETRY, [{"ts": now, "values": {"e": 5}}] * 2)
    await device.wait_count(5)
    assert set(await device.get("latest/")) == set("abcde")
    assert (await device.get(""))["connectivity"] == "online"


async def test_same_reading_by_mqtt_twice_is_one(connect: Connect, device: Device) -> None:
    client = await connect(device.token)
    reading = {"ts": int(time.time() * 1000), "values": {"t": 1.5}}
    for _ in range(5):
        await client.publish(TELEMETRY, reading)
    await client.publish(TELEMETRY, {"ts": reading["ts"], "values": {"end": 1}})
    await device.wait_count(2)
    assert (await device.get("measurements/?metric=t"))["count"] == 1


async def test_message_that_cannot_be_stored_harms_no_other(
    connect: Connect, device: Device
) -> None:
    client = await connect(device.token)
    for bad in (b"", b"{", b"[[1]]", b'{"t": 1e400}', b'{"ts": 1, "values": {"t": 1}}', b"\xff"):
        await client.publish(TELEMETRY, bad)
    await client.publish("v1/devices/me/attributes", {"firmware": "1.2"})
    await client.publish(TELEMETRY, {"t": 1})
    await device.wait_count(1)


@pytest.mark.parametrize(
    ("user", "password", "code"),
    [(None, None, 134), ("dev_wrong", None, 135), ("wrong", None, 135), ("x", "y", 135)],
)
async def test_wrong_credentials_are_refused(
    mqtt_port: int, user: str | None, password: str | None, code: int
) -> None:
    client = Client(mqtt_port, user, password)
    assert await client.connect() == code
    await client.close()


async def test_mqtt_5_is_told_that_it_is_not_spoken(raw: OpenRaw, device: Device) -> None:
    async with raw() as client:
        await client.send(connect_packet(device.token, level=5))
        assert await client.packet() == (0x20, b"\x00\x01")
        assert await client.is_ended()


async def test_command_reaches_the_device_under_its_own_topic(
    mesh: LocalMesh, connect: Connect, device: Device
) -> None:
    client = await connect(device.token)
    assert await client.subscribe("v1/devices/me/rpc/request/+") == 1
    bus = await nats.connect(mesh.nats_url)
    await bus.publish(f"gemba.devices.{device.public_id}.rpc.request.7", b"start")
    assert await client.message() == ("v1/devices/me/rpc/request/7", b"start", False)
    await bus.close()


async def test_nobody_sees_another_devices_messages(
    connect: Connect, make_device: MakeDevice
) -> None:
    spy_device, victim_device = await make_device(), await make_device()
    spy, victim = await connect(spy_device.token), await connect(victim_device.token)
    for pattern in (
        "#",
        f"gemba/devices/{victim_device.public_id}/#",
        "gemba/#",
        f"../{victim_device.public_id}/#",
        "v1/devices/me/#",
    ):
        assert await spy.subscribe(pattern) == 1
    for pattern in ("v1/#", "+/devices/me/telemetry", "$SYS/#", "$MQTT/#", "+/+/+/+"):
        assert await spy.subscribe(pattern) == 128
    await victim.publish(TELEMETRY, {"secret": 1})
    await victim.publish("hello/world", b"secret")
    await victim.publish(f"gemba/devices/{spy_device.public_id}/hello", b"secret")
    await spy.publish("own/topic", b"mine")
    topics = {(await spy.message())[:2]}
    assert topics == {("own/topic", b"mine")}
    await victim_device.wait_count(1)
    assert await spy_device.get("latest/") == {}


async def test_refused_filter_does_not_disturb_its_neighbours(raw: OpenRaw, device: Device) -> None:
    async with raw() as client:
        await client.send(connect_packet(device.token))
        assert await client.packet() == (0x20, b"\x00\x00")
        filters = text("a/b") + b"\x01" + text("v1/#") + b"\x01" + text("c") + b"\x00"
        await client.send(bytes((0x82, 2 + len(filters))) + b"\x00\x07" + filters)
        assert await client.packet() == (0x90, b"\x00\x07\x01\x80\x00")


async def test_topics_come_back_as_they_were_sent(connect: Connect, device: Device) -> None:
    client = await connect(device.token)
    await client.subscribe("#")
    for topic in ("a b/c.d", "ä/*/>", "a//b", "/a", "100%/%41", "v1/devices/me/x.y", "_/z"):
        await client.publish(topic, b"x")
        assert (await client.message())[0] == topic


async def test_retained_message_and_will_are_kept_for_the_device(
    connect: Connect, device: Device, mqtt_port: int
) -> None:
    first = await connect(device.token)
    await first.publish("v1/devices/me/state", b"on", retain=True)
    await first.subscribe("v1/devices/me/gone")
    second = Client(mqtt_port, device.token)
    second.paho.will_set("v1/devices/me/gone", b"bye", qos=1)
    assert await second.connect() == 0
    await second.subscribe("v1/devices/me/state")
    assert await second.message() == ("v1/devices/me/state", b"on", True)
    socket = second.paho.socket()
    assert socket is not None
    socket.close()  # vanishes without a DISCONNECT
    assert (await first.message())[:2] == ("v1/devices/me/gone", b"bye")
    await asyncio.to_thread(second.paho.loop_stop)


async def test_persistent_session_keeps_messages(connect: Connect, device: Device) -> None:
    sleeper = await connect(device.token, client_id="sleeper", clean_session=False)
    await sleeper.subscribe("news")
    await sleeper.close()
    other = await connect(device.token)
    await other.publish("news", b"while you slept")
    again = await connect(device.token, client_id="sleeper", clean_session=False)
    assert (await again.message())[:2] == ("news", b"while you slept")


async def test_same_client_id_of_two_devices_does_not_collide(
    connect: Connect, make_device: MakeDevice
) -> None:
    one, two = await make_device(), await make_device()
    first = await connect(one.token, client_id="octoprint")
    second = await connect(two.token, client_id="octoprint")
    await first.publish(TELEMETRY, {"t": 1})
    await second.publish(TELEMETRY, {"t": 2})
    await one.wait_count(1)
    await two.wait_count(1)
    assert first.ended.empty()


@pytest.mark.parametrize("how", ["rotate", "revoke", "remove"])
async def test_revoked_tokens_connection_is_closed_at_once(
    connect: Connect, device: Device, mqtt_port: int, how: str
) -> None:
    old_token = device.token
    client = await connect(old_token)
    if how == "rotate":
        await device.rotate()
    else:
        path = f"{device.path}/token/" if how == "revoke" else device.path
        assert (await device.admin.delete(path)).status_code == 204
    await asyncio.wait_for(client.ended.get(), PROMPTLY_S)
    again = Client(mqtt_port, old_token)
    assert await again.connect() == 135
    await again.close()
    if how == "rotate":
        fresh = await connect(device.token)
        await fresh.publish(TELEMETRY, {"t": 1})
        await device.wait_count(1)


BAD_FIRST = [
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\x00\x00",
    b"\x10\xff\xff\xff\xff\x01",
    b"\x10\xff\xff\xff\x7f",
    b"\x30\x03\x00\x01a",
    b"\x10\x00",
    b"\x10\x04\x00\x04MQTT"[:6] + b"\x00\x00",
]


@pytest.mark.parametrize("data", BAD_FIRST)
async def test_what_is_no_connect_is_cut_off(raw: OpenRaw, data: bytes) -> None:
    async with raw() as client:
        await client.send(data)
        assert await client.is_ended()


def _publish(topic: bytes, *, first: int = 0x30) -> bytes:
    body = len(topic).to_bytes(2, "big") + topic + b"x"
    return bytes((first, len(body))) + body


BAD_LATER = {
    "qos 3": _publish(b"a", first=0x36),
    "wildcard in a topic": _publish(b"a/#"),
    "no topic": _publish(b""),
    "topic that is no utf-8": _publish(b"\xff\xfe"),
    "nul in a topic": _publish(b"a\x00b"),
    "packet id 0": b"\x32\x05\x00\x01a\x00\x00",
    "field cut short": b"\x30\x03\x00\x09a",
    "subscribe without filters": b"\x82\x02\x00\x01",
    "subscribe with wrong flags": b"\x80\x06\x00\x01\x00\x01a\x00",
    "subscribe with qos 3": b"\x82\x06\x00\x01\x00\x01a\x03",
    "bad wildcard": b"\x82\x08\x00\x01\x00\x03a#b\x00",
    "second connect": b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x00\x00\x00",
    "a server's packet": b"\x20\x02\x00\x00",
    "reserved kind": b"\xf0\x00",
    "packet over the limit": b"\x30\xff\xff\xff\x7f",
    "ping with a body": b"\xc0\x01x",
}


@pytest.mark.parametrize("name", BAD_LATER)
async def test_malformed_packet_is_cut_off_without_harm_to_others(
    raw: OpenRaw, connect: Connect, make_device: MakeDevice, name: str
) -> None:
    other_device = await make_device()
    other = await connect(other_device.token)
    culprit = await make_device()
    async with raw() as client:
        await client.send(connect_packet(culprit.token))
        assert await client.packet() == (0x20, b"\x00\x00")
        await client.send(BAD_LATER[name])
        assert await client.is_ended()
    await other.publish(TELEMETRY, {"t": 1})
    await other_device.wait_count(1)
    assert other.ended.empty()


async def test_silent_client_is_ended_after_its_keep_alive(raw: OpenRaw, device: Device) -> None:
    body = text("MQTT") + bytes((4, 0x82, 0, 1)) + text("raw") + text(device.token)
    async with raw() as client:
        await client.send(bytes((0x10, len(body))) + body)
        assert await client.packet() == (0x20, b"\x00\x00")
        assert await client.is_ended()


async def test_packets_in_pieces_and_in_one_piece_are_the_same(
    raw: OpenRaw, device: Device
) -> None:
    payload = b'{"t": 1}'
    publish = b"\x32" + bytes((2 + 23 + 2 + len(payload),)) + text(TELEMETRY) + b"\x00\x05"
    async with raw() as client:
        for byte in connect_packet(device.token):
            await client.send(bytes((byte,)))
        assert await client.packet() == (0x20, b"\x00\x00")
        await client.send(publish + payload + b"\xc0\x00" + publish + payload)
        packets = [await client.packet() for _ in range(3)]
        assert sorted(packets) == [(0x40, b"\x00\x05"), (0x40, b"\x00\x05"), (0xD0, b"")]


async def test_printer_speaks_under_its_own_mount_point_until_its_key_ends(
    mesh: LocalMesh, connect: Connect, device: Device, mqtt_port: int
) -> None:
    printer_id = f"P.1-{secrets.token_hex(4)}"
    path = f"/api/printers/{quote(printer_id)}"
    made = await device.admin.post(
        "/api/printers", json={"printer_id": printer_id, "name": "MK4", "driver": "mqtt"}
    )
    assert made.status_code == 201, made.text
    key = made.json()["api_key"]
    bus = await nats.connect(mesh.nats_url)
    heard = await bus.subscribe("gemba.printers.>")
    await bus.flush()
    client = await connect(printer_id, key, protocol=paho.MQTTv31)
    await client.publish("octoPrint/temperature/tool0", {"actual": 200.5, "target": 210})
    message = await heard.next_msg(PATIENCE_S)
    place = printer_id.replace(".", "%2E")
    assert message.subject == f"gemba.printers.{place}.octoPrint.temperature.tool0"
    await bus.close()
    wrong = Client(mqtt_port, printer_id, "wrong")
    assert await wrong.connect() == 135
    await wrong.close()
    assert (await device.admin.post(f"{path}/rotate-key")).status_code < 300
    await asyncio.wait_for(client.ended.get(), PROMPTLY_S)
