"""Any one process killed in mid-ingest: every acknowledged reading is there, exactly once."""

import asyncio
import csv
import io
import json
import time
from collections import Counter
from typing import Any
from urllib.parse import urlsplit

import httpx
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from gemba_local.mesh import LocalMesh
from tests.patience import PATIENCE_S

_BEGAN_MS = int(time.time() * 1000) - 3_600_000
_ROWS = 20
_SENDERS = 6
_VICTIMS = ["devices", "postgres", "nats"]


async def stored_values(admin: httpx.AsyncClient, device_id: int) -> Counter[int]:
    """How often each value is stored; asked until the mesh answers again."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            response = await admin.get(f"/api/devices/{device_id}/measurements.csv")
            if response.status_code == 200:
                break
            await asyncio.sleep(0.2)
    table = csv.DictReader(io.StringIO(response.text))
    return Counter(int(float(row["value"])) for row in table)


def check(acknowledged: set[int], stored: Counter[int]) -> None:
    assert acknowledged, "nothing was acknowledged at all"
    lost = acknowledged - set(stored)
    assert not lost, f"{len(lost)} of {len(acknowledged)} lost, such as {sorted(lost)[:5]}"
    assert set(stored.values()) == {1}


class HttpSender:
    """Posts lists over and over; a list that was not acknowledged is sent again."""

    def __init__(self, admin: httpx.AsyncClient, device_id: int, number: int) -> None:
        self.admin, self.device_id = admin, device_id
        self.next = number * 10_000_000
        self.acknowledged: set[int] = set()

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            values = list(range(self.next, self.next + _ROWS))
            if await self._send(values):
                self.acknowledged.update(values)
                self.next += _ROWS

    async def _send(self, values: list[int]) -> bool:
        rows = [
            {
                "metric": "n",
                "value": value,
                "timestamp": f"2026-01-01T{value // 3600 % 24:02}:{value // 60 % 60:02}:00Z",
            }
            for value in values
        ]
        try:
            response = await self.admin.post(
                f"/api/devices/{self.device_id}/measurements/", json=rows
            )
        except httpx.HTTPError:
            return False
        assert response.status_code in (201, 502, 503, 504), response.text
        if response.status_code != 201:
            assert response.status_code != 503 or "Retry-After" in response.headers
            await asyncio.sleep(0.05)
        return response.status_code == 201


@pytest.mark.parametrize("victim", _VICTIMS)
async def test_readings_acknowledged_by_http_survive(
    mesh: LocalMesh, admin: httpx.AsyncClient, victim: str
) -> None:
    device = (await admin.post("/api/devices/", json={"name": f"Faults {victim}"})).json()
    senders = [HttpSender(admin, device["id"], number) for number in range(_SENDERS)]
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for sender in senders:
            tasks.create_task(sender.run(stop))
        await asyncio.sleep(0.5)
        before = sum(len(sender.acknowledged) for sender in senders)
        old = await asyncio.to_thread(mesh.kill, victim)
        await asyncio.to_thread(mesh.wait_restarted, victim, old)
        async with asyncio.timeout(PATIENCE_S):
            while sum(len(sender.acknowledged) for sender in senders) < before + 2000:
                await asyncio.sleep(0.05)
        stop.set()
    acknowledged = set().union(*(sender.acknowledged for sender in senders))
    check(acknowledged, await stored_values(admin, device["id"]))


class MqttSender:
    """A paho client that reconnects and sends again what was not acknowledged, as paho does."""

    def __init__(self, port: int, token: str, number: int) -> None:
        self.next = number * 10_000_000
        self.sent: dict[int, int] = {}
        # By message: paho's thread may hear of one before `publish` has told its number.
        self._answered: set[int] = set()
        self.client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=f"f{number}", clean_session=False
        )
        self.client.username_pw_set(token)
        self.client.reconnect_delay_set(1, 1)
        self.client.on_publish = self._published
        self.client.connect("127.0.0.1", port, 5)
        self.client.loop_start()

    def _published(self, client: Any, data: Any, mid: int, *_: Any) -> None:
        self._answered.add(mid)

    @property
    def acknowledged(self) -> set[int]:
        """The values that are promised to be stored."""
        return {value for mid, value in self.sent.items() if mid in self._answered}

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            if self.client.is_connected() and len(self.sent) - len(self._answered) < 50:
                value, self.next = self.next, self.next + 1
                payload = {"ts": _BEGAN_MS + value % 3_000_000, "values": {"n": value}}
                info = self.client.publish(
                    "v1/devices/me/telemetry", json.dumps(payload).encode(), 1
                )
                self.sent[info.mid] = value
            await asyncio.sleep(0.002)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.mark.parametrize("victim", [*_VICTIMS, "mqtt"])
async def test_readings_acknowledged_by_mqtt_survive(
    mesh: LocalMesh, admin: httpx.AsyncClient, victim: str
) -> None:
    device = (await admin.post("/api/devices/", json={"name": f"Faults {victim}"})).json()
    answer = await admin.post(f"/api/devices/{device['id']}/token/")
    port = int(urlsplit(mesh.url_of("mqtt")).port or 0)
    senders = [MqttSender(port, answer.json()["token"], number) for number in range(4)]
    stop = asyncio.Event()
    try:
        async with asyncio.TaskGroup() as tasks:
            for sender in senders:
                tasks.create_task(sender.run(stop))
            await asyncio.sleep(1)
            before = sum(len(sender.acknowledged) for sender in senders)
            assert before
            old = await asyncio.to_thread(mesh.kill, victim)
            await asyncio.to_thread(mesh.wait_restarted, victim, old)
            async with asyncio.timeout(PATIENCE_S):
                while sum(len(sender.acknowledged) for sender in senders) < before + 200:
                    await asyncio.sleep(0.05)
            stop.set()
        acknowledged = set().union(*(sender.acknowledged for sender in senders))
        stored: Counter[int] = Counter()
        async with asyncio.timeout(PATIENCE_S):
            while not acknowledged <= set(stored):
                stored = await stored_values(admin, device["id"])
                await asyncio.sleep(0.2)
        check(acknowledged, stored)
    finally:
        for sender in senders:
            await asyncio.to_thread(sender.close)


async def test_readings_acknowledged_while_the_service_is_away_come_when_it_is_back(
    mesh: LocalMesh, admin: httpx.AsyncClient
) -> None:
    device = (await admin.post("/api/devices/", json={"name": "Away"})).json()
    answer = await admin.post(f"/api/devices/{device['id']}/token/")
    port = int(urlsplit(mesh.url_of("mqtt")).port or 0)
    sender = MqttSender(port, answer.json()["token"], 1)
    async with asyncio.timeout(PATIENCE_S):
        while not sender.client.is_connected():
            await asyncio.sleep(0.02)
    old = await asyncio.to_thread(mesh.kill, "devices")
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(sender.run(stop))
        await asyncio.to_thread(mesh.wait_restarted, "devices", old)
        stop.set()
    try:
        assert sender.acknowledged
        stored: Counter[int] = Counter()
        async with asyncio.timeout(PATIENCE_S):
            while not sender.acknowledged <= set(stored):
                stored = await stored_values(admin, device["id"])
                await asyncio.sleep(0.1)
        check(set(sender.acknowledged), stored)
    finally:
        await asyncio.to_thread(sender.close)
