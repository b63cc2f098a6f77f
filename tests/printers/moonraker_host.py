"""A Moonraker that speaks the documented JSON-RPC on a real WebSocket; Klipper is played by tests.

Follows "External API" of moonraker.readthedocs.io: handshake, identify, subscribe, deltas.
"""

import asyncio
import json
from contextlib import suppress
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

_START: dict[str, dict[str, Any]] = {
    "print_stats": {
        "state": "standby",
        "filename": "",
        "print_duration": 0.0,
        "total_duration": 0.0,
        "filament_used": 0.0,
        "message": "",
        "info": {"total_layer": None, "current_layer": None},
    },
    "virtual_sdcard": {"progress": 0.0, "is_active": False, "file_position": 0},
    "extruder": {"temperature": 24.1, "target": 0.0, "power": 0.0},
    "heater_bed": {"temperature": 23.8, "target": 0.0, "power": 0.0},
    "display_status": {"progress": 0.0, "message": None},
    "fan": {"speed": 0.0, "rpm": None},
    "gcode_move": {"speed_factor": 1.0},
}


class MoonrakerHost:
    """One Moonraker with one printer."""

    def __init__(self, *, api_key: str = "", obeys: bool = True) -> None:
        self.objects = json.loads(json.dumps(_START))
        self.klippy = "ready"
        self.calls: list[str] = []
        self._api_key = api_key
        self._obeys = obeys
        self._subscribed: set[ServerConnection] = set()
        self._server: Server | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """What an operator enters."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Listen; on the port of before, after a restart."""
        self._server = await serve(self._serve, "127.0.0.1", self.port, process_request=self._admit)
        self.port = next(iter(self._server.sockets)).getsockname()[1]

    async def stop(self) -> None:
        """Go away, and drop who is connected."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        if request.path != "/websocket":
            return connection.respond(404, "")
        if self._api_key and request.headers.get("X-Api-Key") != self._api_key:
            return connection.respond(401, "Unauthorized")
        return None

    async def _serve(self, connection: ServerConnection) -> None:
        try:
            async for text in connection:
                call = json.loads(text)
                self.calls.append(call["method"])
                answer = {"jsonrpc": "2.0", "id": call["id"]}
                try:
                    answer["result"] = await self._answer(call["method"], connection)
                except LookupError as error:
                    answer["error"] = {"code": 400, "message": str(error)}
                await connection.send(json.dumps(answer))
        finally:
            self._subscribed.discard(connection)

    async def _answer(self, method: str, connection: ServerConnection) -> Any:
        match method:
            case "server.connection.identify":
                return {"connection_id": 1730367696}
            case "server.info":
                return {"klippy_connected": True, "klippy_state": self.klippy}
            case "printer.objects.subscribe":
                self._subscribed.add(connection)
                return {"eventtime": 578243.5, "status": self.objects}
            case "printer.print.pause" | "printer.print.resume" | "printer.print.cancel":
                verb = method.rsplit(".", 1)[1]
                state = {"pause": "paused", "resume": "printing", "cancel": "cancelled"}[verb]
                if self._obeys:
                    await self.change(print_stats={"state": state})
                return "ok"
        raise LookupError(f"Method not found: {method}")

    async def change(self, **delta: dict[str, Any]) -> None:
        """Klipper's objects change; subscribers are told the difference only."""
        for name, fields in delta.items():
            self.objects[name].update(fields)
        await self.notify("notify_status_update", [delta, 578244.0])

    async def notify(self, method: str, params: list[Any] | None = None) -> None:
        """Tell all who listen."""
        text = json.dumps({"jsonrpc": "2.0", "method": method, "params": params or []})
        with suppress(Exception):
            await asyncio.gather(*(one.send(text) for one in list(self._subscribed)))
