"""The OctoPrint-MQTT plug-in's topics through the mesh's own door, at protocol 3.1.

The client logs in as the plug-in does: user = printer id, password = the printer's key. What a
user sees is asked of the gateway.
"""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from gemba_local.mesh import LocalMesh
from tests.callers import calling
from tests.patience import PATIENCE_S, eventually
from tests.printers.conftest import enqueue


class Plugin:
    """What the plug-in publishes, with its payloads."""

    def __init__(self, mesh: LocalMesh, printer_id: str, api_key: str) -> None:
        self._port = int(urlsplit(mesh.url_of("mqtt")).port or 0)
        self.code = asyncio.Queue[int]()
        loop = asyncio.get_running_loop()
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"octo-{secrets.token_hex(4)}",
            protocol=paho.MQTTv31,
            reconnect_on_failure=False,
        )
        self._client.username_pw_set(printer_id, api_key)
        self._client.will_set("octoPrint/mqtt", "disconnected", qos=1, retain=True)

        def answered(client: Any, user: Any, flags: Any, code: Any, properties: Any) -> None:
            loop.call_soon_threadsafe(self.code.put_nowait, code.value)

        self._client.on_connect = answered

    async def connect(self) -> int:
        """The code of the answer."""
        await asyncio.to_thread(self._client.connect, "127.0.0.1", self._port, 30)
        self._client.loop_start()
        code = await asyncio.wait_for(self.code.get(), PATIENCE_S)
        if code == 0:
            await self.publish("mqtt", "connected", qos=1)
        return code

    async def publish(self, topic: str, body: Any, *, qos: int = 0) -> None:
        """Publish below the plug-in's default base topic."""
        text = body if isinstance(body, str) else json.dumps({"_timestamp": time.time(), **body})
        info = self._client.publish(f"octoPrint/{topic}", text, qos)
        await asyncio.to_thread(info.wait_for_publish, PATIENCE_S)

    async def event(self, name: str, /, **payload: Any) -> None:
        """An event, as reliable as the plug-in can be told to be."""
        await self.publish(f"event/{name}", {"_event": name, **payload}, qos=1)

    def cut(self) -> None:
        """Lose the network: the last will is published."""
        socket = self._client.socket()
        assert socket is not None
        socket.close()

    async def close(self) -> None:
        """Say goodbye."""
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)


@pytest.fixture
async def printer(admin_of_mesh: httpx.AsyncClient) -> dict[str, Any]:
    """A printer that reports by MQTT."""
    body = {"printer_id": f"MK3S {secrets.token_hex(3)}".replace(" ", "."), "name": "Prusa"}
    answer = await admin_of_mesh.post("/api/printers", json={**body, "driver": "mqtt"})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


@pytest.fixture
async def plugin(mesh: LocalMesh, printer: dict[str, Any]) -> AsyncIterator[Plugin]:
    """Its plug-in, connected."""
    plugin = Plugin(mesh, printer["printer_id"], printer["api_key"])
    assert await plugin.connect() == 0
    yield plugin
    await plugin.close()


async def shows(client: httpx.AsyncClient, printer_id: str, **fields: Any) -> dict[str, Any]:
    """The printer as soon as it shows these fields."""

    async def ask() -> dict[str, Any] | None:
        shown: dict[str, Any] = (await client.get(f"/api/printers/{printer_id}")).json()
        return shown if all(shown.get(name) == value for name, value in fields.items()) else None

    shown: dict[str, Any] = await eventually(ask, what=str(fields))
    return shown


async def test_the_plugin_of_an_unmodified_octoprint_is_heard(
    plugin: Plugin, printer: dict[str, Any], admin_of_mesh: httpx.AsyncClient
) -> None:
    client, printer_id = admin_of_mesh, printer["printer_id"]
    queue_id = await enqueue(client, printer_id=printer_id)
    await plugin.event("Connected", port="VIRTUAL", baudrate=115200)
    await shows(client, printer_id, status="idle")
    await plugin.event("PrintStarted", name="dragon.gcode", path="dragon.gcode", origin="local")
    shown = await shows(client, printer_id, status="printing")
    job_id = shown["current_job"]["print_status_id"]
    job = (await client.get(f"/api/print-jobs/{job_id}")).json()
    assert job["print_queue_id"] == queue_id

    await plugin.publish("temperature/tool0", {"actual": 209.5, "target": 210.0})
    await plugin.publish("temperature/bed", {"actual": 60.1, "target": 60.0})
    await plugin.publish(
        "progress/printing", {"location": "local", "path": "dragon.gcode", "progress": 42}
    )
    await plugin.event("PrintPaused", name="dragon.gcode")
    await shows(client, printer_id, status="paused")
    job = (await client.get(f"/api/print-jobs/{job_id}")).json()
    assert job["progress_percentage"] == 42
    assert job["metrics"]["hotend_temp"] == 209.5
    assert job["metrics"]["bed_target"] == 60

    await plugin.event("PrintResumed", name="dragon.gcode")
    await shows(client, printer_id, status="printing")
    await plugin.event("PrintDone", name="dragon.gcode", time=312.4)
    await shows(client, printer_id, status="idle")
    job = (await client.get(f"/api/print-jobs/{job_id}")).json()
    assert (job["status"], job["progress_percentage"]) == ("completed", 100)

    refused = await client.post(f"/api/printers/{printer_id}/commands", json={"command": "pause"})
    assert refused.status_code == 409


async def test_the_last_will_shows_a_printer_offline(
    plugin: Plugin, printer: dict[str, Any], admin_of_mesh: httpx.AsyncClient
) -> None:
    await plugin.event("Connected")
    await shows(admin_of_mesh, printer["printer_id"], status="idle")
    plugin.cut()
    shown = await shows(admin_of_mesh, printer["printer_id"], status="offline")
    assert shown["link"]["state"] == "unreachable"


async def test_a_wrong_or_former_key_is_kept_out(
    mesh: LocalMesh, printer: dict[str, Any], admin_of_mesh: httpx.AsyncClient
) -> None:
    stranger = Plugin(mesh, printer["printer_id"], "wrong")
    assert await stranger.connect() != 0
    path = f"/api/printers/{printer['printer_id']}/rotate-key"
    fresh = (await admin_of_mesh.post(path)).json()["api_key"]
    former = Plugin(mesh, printer["printer_id"], printer["api_key"])
    assert await former.connect() != 0
    owner = Plugin(mesh, printer["printer_id"], fresh)
    assert await owner.connect() == 0
    for plugin in (stranger, former, owner):
        await plugin.close()


async def test_a_printer_works_through_the_gateway(
    mesh: LocalMesh, printer: dict[str, Any], admin_of_mesh: httpx.AsyncClient
) -> None:
    queue_id = await enqueue(admin_of_mesh)
    credentials = {"api_key": printer["api_key"], "printer_id": printer["printer_id"]}
    async with calling(mesh.url) as client:
        started = await client.post(
            "/api/status/start", json={**credentials, "print_queue_id": queue_id}
        )
        assert started.status_code == 200, started.text
        job_id = started.json()["print_status_id"]
        path = f"/api/status/{job_id}/"
        basic = await client.get(path)
        assert "model_file" not in basic.json()
        whole = await client.get(path, params=credentials)
        assert whole.json()["model_file"] == "dragon.stl"
        assert "X-Gemba-Verified" not in whole.headers
        assert (await client.get("/api/printers")).status_code == 401
        missing = await client.post("/api/status/update", json={"printer_id": "x"})
        assert missing.status_code == 400
        assert missing.json()["success"] is False
