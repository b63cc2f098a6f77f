"""Twenty sensors: ten speak MQTT, ten HTTP, in the form that devices already speak."""

import asyncio
import math
import random
import time
from dataclasses import dataclass
from typing import Any, Final

import httpx
import orjson
from demo.floor.mesh import NOTE, Mesh
from demo.floor.mqtt import MqttLine

_EVERY_S: Final = {"mqtt": 2.0, "http": 4.0}
_RETRY_S: Final = 5.0
_SUFFIX: Final = " (demo)"


@dataclass(frozen=True)
class Signal:
    """A metric that swings about its mean, with noise."""

    metric: str
    mean: float
    swing: float
    period_s: float

    def value(self, phase: float) -> float:
        """Its value now."""
        wave = math.sin(2 * math.pi * (time.time() / self.period_s + phase))
        return round(self.mean + self.swing * wave + random.gauss(0, self.swing / 12 + 0.01), 3)


@dataclass(frozen=True)
class Sensor:
    """A device, and what it measures."""

    name: str
    protocol: str
    signals: tuple[Signal, ...]
    phase: float

    def reading(self) -> bytes:
        """One message of telemetry."""
        return orjson.dumps({one.metric: one.value(self.phase) for one in self.signals})


_KINDS: Final = {
    "Oven zone": (Signal("temperature", 184, 6, 900), Signal("power", 3.2, 0.6, 300)),
    "Compressor": (Signal("pressure", 7.1, 0.4, 240), Signal("current", 18, 3, 240)),
    "Hall climate": (Signal("temperature", 24, 2.5, 3600), Signal("humidity", 52, 8, 5400)),
    "Pump": (Signal("flow", 42, 4, 420), Signal("vibration", 1.8, 0.5, 180)),
    "Energy meter": (Signal("power", 61, 12, 1800), Signal("voltage", 231, 2, 600)),
}
_EACH: Final = 4


def sensors() -> list[Sensor]:
    """All twenty."""
    return [
        Sensor(f"{kind} {number}{_SUFFIX}", "mqtt" if (number + place) % 2 else "http",
               signals, phase=number * 0.21 + place * 0.13)
        for place, (kind, signals) in enumerate(_KINDS.items())
        for number in range(1, _EACH + 1)
    ]  # fmt: skip


async def run(mesh: Mesh) -> None:
    """Register them and let them speak."""
    known = {one["name"]: one["id"] for one in await _own(mesh)}
    async with asyncio.TaskGroup() as tasks:
        for place, sensor in enumerate(sensors()):
            token = await _token(mesh, sensor, known.get(sensor.name))
            speak = _by_mqtt if sensor.protocol == "mqtt" else _by_http
            # Spread over the interval, so that they do not all speak at once.
            tasks.create_task(speak(mesh, sensor, token, place * 0.2), name=sensor.name)


async def clean(mesh: Mesh) -> int:
    """Remove the demo's devices; how many there were."""
    return sum([await mesh.delete(f"/api/devices/{one['id']}/") for one in await _own(mesh)])


async def _own(mesh: Mesh) -> list[Any]:
    found = await mesh.pages("/api/devices/", search="(demo)")
    return [one for one in found if one["description"] == NOTE]


async def _token(mesh: Mesh, sensor: Sensor, device_id: int | None) -> str:
    if device_id is None:
        made = await mesh.post("/api/devices/", {"name": sensor.name, "description": NOTE})
        device_id = made["id"]
    return str((await mesh.post(f"/api/devices/{device_id}/token/"))["token"])


async def _by_mqtt(mesh: Mesh, sensor: Sensor, token: str, delay_s: float) -> None:
    await asyncio.sleep(delay_s)
    while True:
        line = MqttLine(mesh.door.mqtt_host, mesh.door.mqtt_port, user=token)
        try:
            async with line.connected(client_id=sensor.name):
                while True:
                    await line.publish("v1/devices/me/telemetry", sensor.reading())
                    await asyncio.sleep(_EVERY_S["mqtt"])
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            # The door is away, or hurries a restart: a sensor tries again.
            await asyncio.sleep(_RETRY_S)


async def _by_http(mesh: Mesh, sensor: Sensor, token: str, delay_s: float) -> None:
    await asyncio.sleep(delay_s)
    headers = {"Content-Type": "application/json"}
    async with httpx.AsyncClient(base_url=mesh.door.url, timeout=15, headers=headers) as client:
        while True:
            try:
                await client.post(f"/api/v1/{token}/telemetry", content=sensor.reading())
            except httpx.TransportError:
                await asyncio.sleep(_RETRY_S)
            await asyncio.sleep(_EVERY_S["http"])
