"""Klipper's Moonraker by its WebSocket: JSON-RPC 2.0, a subscription, and deltas after it.

Follows Moonraker's "External API" (moonraker.readthedocs.io): `server.connection.identify`,
`printer.objects.subscribe`, `notify_status_update`, `notify_klippy_*`.
"""

import asyncio
import itertools
from datetime import UTC, datetime
from typing import Any, Final

import aiohttp
import orjson

from printers.reach import Line
from printers.reports import Address, AuthFailed, Hear, JobOutcome, LinkBroken, PrinterState, Report
from printers.states import CommandName

_SILENCE_S: Final = 60.0
_REPLY_S: Final = 10.0
_OBJECTS: Final = (
    "print_stats", "virtual_sdcard", "extruder", "heater_bed", "display_status", "fan",
    "gcode_move", "idle_timeout",
)  # fmt: skip
_METHODS: Final = {
    "pause": "printer.print.pause",
    "resume": "printer.print.resume",
    "cancel": "printer.print.cancel",
}
_STATES: Final[dict[str, PrinterState]] = {
    "standby": "idle",
    "printing": "printing",
    "paused": "paused",
    "complete": "idle",
    "cancelled": "idle",
    "error": "idle",
}
_OUTCOMES: Final[dict[str, JobOutcome]] = {
    "complete": "completed",
    "cancelled": "canceled",
    "error": "failed",
}
_UNAUTHORIZED: Final = 401


class RpcError(Exception):
    """Moonraker refused a call."""

    def __init__(self, code: int, message: str) -> None:
        self.code = code
        super().__init__(message)


class Moonraker:
    """A link to one Moonraker."""

    def __init__(self, address: Address, line: Line, *, poll_s: float) -> None:
        self._key = address.api_key
        self._line = line
        self._poll_s = poll_s
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._objects: dict[str, dict[str, Any]] = {}

    async def run(self, hear: Hear) -> None:
        """Report until the link breaks; see `Bridge`."""
        headers = {"X-Api-Key": self._key} if self._key else {}
        try:
            self._socket = await self._line.socket("/websocket", headers=headers)
        except aiohttp.WSServerHandshakeError as error:
            if error.status in (401, 403):
                raise AuthFailed(f"Moonraker answered {error.status}") from error
            raise
        async with self._socket, asyncio.TaskGroup() as tasks:
            listening = tasks.create_task(self._listen(hear))
            try:
                await self._introduce()
                await self._subscribe(hear)
                await self._keep_asking(hear)
            except RpcError as error:
                if error.code == _UNAUTHORIZED:
                    raise AuthFailed(str(error)) from error
                raise LinkBroken(str(error)) from error
            finally:
                listening.cancel()
                self._socket = None

    async def command(self, name: CommandName) -> None:
        """Ask by JSON-RPC; Moonraker answers once Klipper has run the macro."""
        try:
            await self._call(_METHODS[name])
        except RpcError as error:
            raise LinkBroken(f"Moonraker refused to {name}: {error}") from error

    async def _introduce(self) -> None:
        about = {
            "client_name": "gemba",
            "version": "0.1.0",
            "type": "other",
            "url": "https://example.invalid/gemba",
        }
        if self._key:
            about["api_key"] = self._key
        await self._call("server.connection.identify", about)

    async def _subscribe(self, hear: Hear) -> None:
        info = await self._call("server.info")
        if not isinstance(info, dict) or info.get("klippy_state") != "ready":
            state: PrinterState = "offline"
            if isinstance(info, dict) and info.get("klippy_state") in ("shutdown", "error"):
                state = "error"
            await hear(Report(at=datetime.now(UTC), state=state))
            return
        wanted = {"objects": dict.fromkeys(_OBJECTS)}
        answer = await self._call("printer.objects.subscribe", wanted)
        self._objects = {}
        await self._take((answer or {}).get("status") or {}, hear, is_first=True)

    async def _keep_asking(self, hear: Hear) -> None:
        """A printer that does nothing says nothing; ask, so that it is not taken for dead."""
        while True:
            await asyncio.sleep(self._poll_s)
            info = await self._call("server.info")
            if isinstance(info, dict) and info.get("klippy_state") == "ready":
                await hear(report_of(self._objects, at=datetime.now(UTC)))

    async def _call(self, method: str, params: dict[str, Any] | None = None) -> Any:
        if self._socket is None or self._socket.closed:
            raise LinkBroken("there is no link to Moonraker")
        number = next(self._ids)
        waiting: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = waiting
        body = {"jsonrpc": "2.0", "method": method, "params": params or {}, "id": number}
        try:
            await self._socket.send_str(orjson.dumps(body).decode())
            return await asyncio.wait_for(waiting, _REPLY_S)
        finally:
            self._waiting.pop(number, None)

    async def _listen(self, hear: Hear) -> None:
        assert self._socket is not None
        while True:
            message = await asyncio.wait_for(self._socket.receive(), _SILENCE_S)
            if message.type is not aiohttp.WSMsgType.TEXT:
                raise LinkBroken("Moonraker closed its socket")
            try:
                body = orjson.loads(message.data)
            except orjson.JSONDecodeError as error:
                raise LinkBroken("Moonraker sent what is no JSON") from error
            if isinstance(body, dict):
                await self._heed(body, hear)

    async def _heed(self, body: dict[str, Any], hear: Hear) -> None:
        waiting = self._waiting.get(body.get("id", 0))
        if waiting is not None and not waiting.done():
            error = body.get("error")
            if error is not None:
                waiting.set_exception(RpcError(error.get("code", 0), str(error.get("message"))))
            else:
                waiting.set_result(body.get("result"))
            return
        now = datetime.now(UTC)
        match body.get("method"):
            case "notify_status_update":
                await self._take(body["params"][0], hear)
            case "notify_klippy_disconnected":
                await hear(Report(at=now, state="offline"))
            case "notify_klippy_shutdown":
                await hear(Report(at=now, state="error", message="Klipper was shut down"))
            case "notify_klippy_ready":
                raise LinkBroken("Klipper has come back: subscribe anew")

    async def _take(self, delta: dict[str, Any], hear: Hear, *, is_first: bool = False) -> None:
        before = (self._objects.get("print_stats") or {}).get("state")
        for name, fields in delta.items():
            if isinstance(fields, dict):
                self._objects.setdefault(name, {}).update(fields)
        report = report_of(self._objects, at=datetime.now(UTC))
        state = (self._objects.get("print_stats") or {}).get("state")
        if state != before and not is_first:
            for turn in turns(before, state, report=report, objects=self._objects):
                await hear(turn)
        await hear(report)


def turns(
    before: str | None, after: str | None, *, report: Report, objects: dict[str, Any]
) -> list[Report]:
    """What a change of `print_stats.state` means for the print."""
    stats = objects.get("print_stats") or {}
    name = stats.get("filename") or None
    if after == "printing" and before not in ("printing", "paused"):
        return [Report(at=report.at, state="printing", file=name, began=True)]
    outcome = _OUTCOMES.get(str(after))
    if outcome is None or before not in ("printing", "paused"):
        return []
    message = str(stats.get("message") or "") if outcome == "failed" else ""
    return [Report(at=report.at, file=name, outcome=outcome, message=message or None)]


def report_of(objects: dict[str, Any], *, at: datetime) -> Report:
    """The report in Klipper's objects, gathered from all deltas so far."""
    stats = objects.get("print_stats") or {}
    state = _STATES.get(str(stats.get("state")))
    is_under_way = state in ("printing", "paused")
    progress = _progress(objects) if is_under_way else None
    readings = _heaters(objects) | _motion(objects)
    if is_under_way:
        readings |= _print(stats, progress)
    return Report(
        at=at,
        state=state,
        file=(stats.get("filename") or None) if is_under_way else None,
        progress=progress,
        readings=readings,
    )


def _progress(objects: dict[str, Any]) -> float | None:
    """The slicer's own (M73) where there is one, else the place in the file."""
    for name in ("display_status", "virtual_sdcard"):
        value = (objects.get(name) or {}).get("progress")
        if isinstance(value, int | float) and value > 0:
            return min(100.0, round(value * 100, 2))
    return 0.0


def _heaters(objects: dict[str, Any]) -> dict[str, Any]:
    readings: dict[str, Any] = {}
    for theirs, ours in (("extruder", "hotend"), ("heater_bed", "bed")):
        heater = objects.get(theirs) or {}
        for field, suffix in (("temperature", "temp"), ("target", "target")):
            if isinstance(heater.get(field), int | float):
                readings[f"{ours}_{suffix}"] = heater[field]
    return readings


def _motion(objects: dict[str, Any]) -> dict[str, Any]:
    readings: dict[str, Any] = {}
    fan = (objects.get("fan") or {}).get("speed")
    if isinstance(fan, int | float):
        readings["fan_speed_percentage"] = round(fan * 100, 1)
    factor = (objects.get("gcode_move") or {}).get("speed_factor")
    if isinstance(factor, int | float):
        readings["speed_percentage"] = round(factor * 100, 1)
    return readings


def _print(stats: dict[str, Any], progress: float | None) -> dict[str, Any]:
    readings: dict[str, Any] = {}
    if isinstance(stats.get("filament_used"), int | float):
        readings["filament_used_mm"] = round(stats["filament_used"], 1)
    info = stats.get("info") or {}
    for theirs, ours in (("current_layer", "current_layer"), ("total_layer", "total_layers")):
        if isinstance(info.get(theirs), int):
            readings[ours] = info[theirs]
    printed_s = stats.get("print_duration")
    if progress and isinstance(printed_s, int | float) and printed_s > 0:
        left_s = printed_s * (100 - progress) / progress
        readings["print_time_remaining_seconds"] = round(left_s, 1)
    return readings
