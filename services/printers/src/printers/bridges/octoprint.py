"""OctoPrint as it is: its REST API for commands, its push socket for what happens.

Follows OctoPrint's "REST API" and "Push updates" (docs.octoprint.org, version 1.11): a passive
login gives the session that the socket is authenticated with; `current` messages come as often as
the throttle allows, `event` messages at once.
"""

import asyncio
from datetime import UTC, datetime
from typing import Any, Final

import aiohttp
import orjson

from printers.reach import Line
from printers.reports import Address, AuthFailed, Hear, JobOutcome, LinkBroken, PrinterState, Report
from printers.states import CommandName

# OctoPrint's unit of throttling is half a second.
_THROTTLE_S: Final = 0.5
_SILENCE_S: Final = 60.0
_COMMANDS: Final[dict[str, dict[str, str]]] = {
    "pause": {"command": "pause", "action": "pause"},
    "resume": {"command": "pause", "action": "resume"},
    "cancel": {"command": "cancel"},
}
_OUTCOMES: Final[dict[str, JobOutcome]] = {
    "PrintDone": "completed",
    "PrintFailed": "failed",
    "PrintCancelled": "canceled",
}


class OctoPrint:
    """A link to one OctoPrint."""

    def __init__(self, address: Address, line: Line, *, poll_s: float) -> None:
        self._headers = {"X-Api-Key": address.api_key}
        self._line = line
        self._poll_s = poll_s

    async def run(self, hear: Hear) -> None:
        """Report until the link breaks; see `Bridge`."""
        login = await self._log_in()
        await hear(await self._look())
        socket = await self._line.socket("/sockjs/websocket", headers=self._headers)
        async with socket:
            await socket.send_json({"auth": f"{login['name']}:{login['session']}"})
            throttle = max(1, round(self._poll_s / _THROTTLE_S))
            await socket.send_json({"throttle": throttle})
            await self._listen(socket, hear)

    async def command(self, name: CommandName) -> None:
        """Ask by the REST API; 409 means that the printer's state does not admit it."""
        try:
            await self._line.json("POST", "/api/job", json=_COMMANDS[name], headers=self._headers)
        except aiohttp.ClientResponseError as error:
            raise LinkBroken(f"OctoPrint answered {error.status} to {name}") from error

    async def _log_in(self) -> dict[str, Any]:
        try:
            login = await self._line.json(
                "POST", "/api/login", json={"passive": True}, headers=self._headers
            )
        except aiohttp.ClientResponseError as error:
            if error.status == 400:
                # A key that OctoPrint does not know makes it take us for a browser, without CSRF.
                raise AuthFailed("OctoPrint does not know this key") from error
            raise _translated(error) from error
        if not isinstance(login, dict) or not login.get("name") or not login.get("session"):
            raise AuthFailed("OctoPrint does not know this key")
        return login

    async def _look(self) -> Report:
        """The state before the first push; 409 means that no printer is connected to OctoPrint."""
        try:
            job = await self._line.json("GET", "/api/job", headers=self._headers)
            printer = await self._line.json("GET", "/api/printer?exclude=sd", headers=self._headers)
        except aiohttp.ClientResponseError as error:
            if error.status != 409:
                raise _translated(error) from error
            return Report(at=datetime.now(UTC), state="offline")
        return report_of(
            {
                "state": printer.get("state"),
                "job": job.get("job"),
                "progress": job.get("progress"),
                "temps": [printer.get("temperature") or {}],
            },
            at=datetime.now(UTC),
        )

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse, hear: Hear) -> None:
        while True:
            message = await asyncio.wait_for(socket.receive(), _SILENCE_S)
            if message.type is not aiohttp.WSMsgType.TEXT:
                raise LinkBroken("OctoPrint closed its push socket")
            for report in read(message.data, at=datetime.now(UTC)):
                await hear(report)


def read(text: str, *, at: datetime) -> list[Report]:
    """The reports in one push message.

    Raises:
        AuthFailed: OctoPrint wants a new login.
    """
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise LinkBroken("OctoPrint sent what is no JSON") from error
    if not isinstance(body, dict):
        return []
    if "reauthRequired" in body:
        raise LinkBroken("OctoPrint wants a new login")
    reports = []
    for kind in ("history", "current"):
        if isinstance(body.get(kind), dict):
            reports.append(report_of(body[kind], at=at))
    event = body.get("event")
    if isinstance(event, dict) and (report := event_report(event, at=at)) is not None:
        reports.append(report)
    return reports


def event_report(event: dict[str, Any], *, at: datetime) -> Report | None:
    """The report in an event; None when it is none of a print's turns."""
    kind, payload = event.get("type"), event.get("payload") or {}
    name = payload.get("name") or None
    if kind == "PrintStarted":
        return Report(at=at, state="printing", file=name, began=True)
    if kind == "PrintPaused":
        return Report(at=at, state="paused", file=name)
    if kind == "PrintResumed":
        return Report(at=at, state="printing", file=name)
    if kind in ("Disconnected", "Error"):
        state: PrinterState = "offline" if kind == "Disconnected" else "error"
        return Report(at=at, state=state, message=payload.get("error") or None)
    outcome = _OUTCOMES.get(str(kind))
    if outcome is None:
        return None
    if outcome == "failed" and payload.get("reason") == "cancelled":
        outcome = "canceled"
    return Report(at=at, file=name, outcome=outcome, message=_reason(outcome, payload))


def _reason(outcome: str, payload: dict[str, Any]) -> str | None:
    return str(payload.get("error") or payload.get("reason")) if outcome == "failed" else None


def report_of(current: dict[str, Any], *, at: datetime) -> Report:
    """The report in OctoPrint's picture of the present."""
    flags = (current.get("state") or {}).get("flags") or {}
    state = state_of(flags)
    job, progress = current.get("job") or {}, current.get("progress") or {}
    is_under_way = state in ("printing", "paused", "preparing")
    readings = temperatures(current.get("temps") or [])
    remaining_s = progress.get("printTimeLeft")
    if is_under_way and isinstance(remaining_s, int | float) and remaining_s >= 0:
        readings["print_time_remaining_seconds"] = float(remaining_s)
    completion = progress.get("completion")
    return Report(
        at=at,
        state=state,
        file=(job.get("file") or {}).get("name") or None if is_under_way else None,
        progress=float(completion) if is_under_way and completion is not None else None,
        readings=readings | _filament(job, completion if is_under_way else None),
    )


def state_of(flags: dict[str, Any]) -> PrinterState | None:
    """OctoPrint's flags as one word; it is still printing while it pauses or cancels."""
    if not flags:
        return None
    if flags.get("error"):
        return "error"
    if flags.get("paused"):
        return "paused"
    if any(flags.get(name) for name in ("printing", "pausing", "cancelling", "resuming")):
        return "printing"
    if flags.get("finishing"):
        return "printing"
    return "idle" if flags.get("operational") else "offline"


def temperatures(temps: list[Any]) -> dict[str, Any]:
    """The newest temperatures by the contract's names."""
    readings: dict[str, Any] = {}
    newest = temps[-1] if temps else {}
    names = (("tool0", "hotend"), ("bed", "bed"), ("chamber", "chamber"))
    for theirs, ours in names if isinstance(newest, dict) else ():
        heater = newest.get(theirs) or {}
        if isinstance(heater.get("actual"), int | float):
            readings[f"{ours}_temp"] = heater["actual"]
        if ours != "chamber" and isinstance(heater.get("target"), int | float):
            readings[f"{ours}_target"] = heater["target"]
    return readings


def _filament(job: dict[str, Any], completion: float | None) -> dict[str, float]:
    """What has been used of what the file's analysis says, by progress."""
    tools = job.get("filament") or {}
    whole_mm = sum(
        tool["length"]
        for tool in tools.values()
        if isinstance(tool, dict) and isinstance(tool.get("length"), int | float)
    )
    if not whole_mm or completion is None:
        return {}
    return {"filament_used_mm": round(whole_mm * completion / 100, 1)}


def _translated(error: aiohttp.ClientResponseError) -> Exception:
    if error.status in (401, 403):
        return AuthFailed(f"OctoPrint answered {error.status}")
    return LinkBroken(f"OctoPrint answered {error.status}")
