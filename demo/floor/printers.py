"""Six simulated printers: five tell their prints by HTTP, one by OctoPrint's MQTT topics."""

import asyncio
import random
import time
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import orjson
from demo.floor.mesh import MARK, Mesh
from demo.floor.mqtt import MqttLine

_TICK_S: Final = 5.0
_BETWEEN_S: Final = 20.0
_PAUSE_S: Final = 45.0
_PAUSES: Final = 0.02
_BAD_LUCK: Final = 0.15
_AMBIENT_C: Final = 24.0
_PRODUCTS: Final = (
    ("Cable guide", "cable_guide.gcode", 420),
    ("Sensor bracket", "sensor_bracket.gcode", 260),
    ("Gripper finger", "gripper_finger.gcode", 180),
    ("Spool adapter", "spool_adapter.gcode", 340),
)


@dataclass(frozen=True)
class Model:
    """A printer as it is registered, and how fast its prints go in this small world."""

    number: int
    name: str
    model: str
    location: str
    minutes: float
    driver: str = "api"

    @property
    def printer_id(self) -> str:
        """Its id, with the demo's mark."""
        return f"{MARK}printer-{self.number}"


_FARM: Final = (
    Model(1, "Ada", "Prusa MK4", "Print room A", 14),
    Model(2, "Bohr", "Prusa MK4", "Print room A", 22),
    Model(3, "Curie", "Voron 2.4", "Print room A", 9),
    Model(4, "Dirac", "Ender 3 S1", "Print room B", 31),
    Model(5, "Erdős", "Bambu X1C", "Print room B", 17),
    Model(6, "Fermi", "Prusa MINI+", "Print room B", 12, driver="mqtt"),
)


@dataclass
class Printing:
    """The physics of one print: a nozzle that heats up, layers that grow."""

    model: Model
    product: tuple[str, str, int]
    began_at: float = field(default_factory=time.monotonic)
    head_start: float = 0.0
    paused_until: float = 0.0
    hotend_c: float = _AMBIENT_C
    bed_c: float = _AMBIENT_C

    @property
    def progress(self) -> float:
        """Percent of the print."""
        share = (time.monotonic() - self.began_at) / (self.model.minutes * 60) + self.head_start
        return min(100.0, share * 100)

    def status(self) -> str:
        """Printing, or paused now and then for somebody who changes the filament."""
        now = time.monotonic()
        if now < self.paused_until:
            self.began_at += _TICK_S
            return "paused"
        if random.random() < _PAUSES:
            self.paused_until = now + _PAUSE_S
        return "printing"

    def metrics(self) -> dict[str, float]:
        """What a printer would measure now."""
        self.hotend_c += (215 - self.hotend_c) * 0.5 + random.uniform(-0.6, 0.6)
        self.bed_c += (60 - self.bed_c) * 0.3 + random.uniform(-0.2, 0.2)
        layers = self.product[2]
        return {
            "hotend_temp": round(self.hotend_c, 1),
            "hotend_target": 215,
            "bed_temp": round(self.bed_c, 1),
            "bed_target": 60,
            "fan_speed_percentage": 80,
            "current_layer": int(layers * self.progress / 100),
            "total_layers": layers,
            "filament_used_mm": round(self.progress * 92.5, 1),
        }


async def run(mesh: Mesh) -> None:
    """Register the farm and let it print."""
    keys = [await _registered(mesh, model) for model in _FARM]
    async with asyncio.TaskGroup() as tasks:
        for model, key in zip(_FARM, keys, strict=True):
            work = _by_mqtt if model.driver == "mqtt" else _by_http
            tasks.create_task(work(mesh, model, key), name=model.name)


async def clean(mesh: Mesh) -> int:
    """End their prints and remove the printers; how many there were."""
    removed = 0
    for model in _FARM:
        found = await mesh.http.get(f"/api/printers/{model.printer_id}")
        if found.status_code == httpx.codes.NOT_FOUND:
            continue
        key = (await mesh.post(f"/api/printers/{model.printer_id}/rotate-key"))["api_key"]
        await _end_active(mesh, model, key)
        removed += await mesh.delete(f"/api/printers/{model.printer_id}")
    for item in await mesh.pages("/api/print-queue", waiting=True):
        if str(item["printer_id"]).startswith(MARK):
            await mesh.delete(f"/api/print-queue/{item['id']}")
    return removed


async def _registered(mesh: Mesh, model: Model) -> str:
    """The printer's key: its first one, or a new one when it is there already."""
    body = {
        "printer_id": model.printer_id,
        "name": f"{model.name} (demo)",
        "model": model.model,
        "location": model.location,
        "driver": model.driver,
    }
    answer = await mesh.http.post("/api/printers", json=body)
    if answer.status_code == httpx.codes.CONFLICT:
        answer = await mesh.http.post(f"/api/printers/{model.printer_id}/rotate-key")
    answer.raise_for_status()
    return str(answer.json()["api_key"])


async def _by_http(mesh: Mesh, model: Model, key: str) -> None:
    await _end_active(mesh, model, key)
    while True:
        printing = Printing(model, random.choice(_PRODUCTS), head_start=random.uniform(0, 0.6))
        who = {"api_key": key, "printer_id": model.printer_id}
        status_id = await _started(mesh, model, printing, who)
        ends_badly_at = random.uniform(60, 95) if random.random() < _BAD_LUCK else 101.0
        while printing.progress < min(100, ends_badly_at):
            await _tell(mesh, who, status_id, printing, status=printing.status())
            await asyncio.sleep(_TICK_S)
        end = "completed" if printing.progress >= 100 else "failed"
        await _tell(mesh, who, status_id, printing, status=end)
        await asyncio.sleep(_BETWEEN_S)


async def _started(mesh: Mesh, model: Model, printing: Printing, who: dict[str, str]) -> int:
    name, file, _ = printing.product
    item = {"product_name": name, "model_file": file, "printer_id": model.printer_id}
    queued = await mesh.post("/api/print-queue", item)
    started = await mesh.post("/api/status/start", who | {"print_queue_id": queued["id"]})
    return int(started["print_status_id"])


async def _tell(
    mesh: Mesh, who: dict[str, str], status_id: int, printing: Printing, *, status: str
) -> None:
    update: dict[str, Any] = {
        "print_status_id": status_id,
        "status": status,
        "progress": round(printing.progress, 2),
        "metrics": printing.metrics(),
    }
    await mesh.post("/api/status/update", who | update)


async def _end_active(mesh: Mesh, model: Model, key: str) -> None:
    """Prints that an earlier run of the demo left: nobody goes on with them."""
    path = f"/api/status/printer/{model.printer_id}"
    answer = await mesh.http.get(path, params={"api_key": key})
    for job in answer.json().get("jobs", []) if answer.is_success else []:
        who = {"api_key": key, "printer_id": model.printer_id}
        end = {"print_status_id": job["print_status_id"], "status": "canceled"}
        await mesh.http.post("/api/status/update", json=who | end)


async def _by_mqtt(mesh: Mesh, model: Model, key: str) -> None:
    door = mesh.door
    line = MqttLine(door.mqtt_host, door.mqtt_port, user=model.printer_id, password=key)
    async with line.connected(client_id=model.printer_id):
        await line.publish("octoPrint/event/Connected", b"{}")
        while True:
            printing = Printing(model, random.choice(_PRODUCTS), head_start=random.uniform(0, 0.5))
            while printing.progress < 100:
                await _publish(line, printing)
                await asyncio.sleep(_TICK_S)
            done = {"path": printing.product[1], "name": printing.product[1], "time": 1.0}
            await line.publish("octoPrint/event/PrintDone", orjson.dumps(done))
            await asyncio.sleep(_BETWEEN_S)


async def _publish(line: MqttLine, printing: Printing) -> None:
    metrics = printing.metrics()
    for heater, name in (("tool0", "hotend"), ("bed", "bed")):
        reading = {"actual": metrics[f"{name}_temp"], "target": metrics[f"{name}_target"]}
        await line.publish(f"octoPrint/temperature/{heater}", orjson.dumps(reading))
    progress = {
        "location": "local",
        "path": printing.product[1],
        "progress": round(printing.progress, 1),
    }
    await line.publish("octoPrint/progress/printing", orjson.dumps(progress))
