"""The node's only line out: REST through the gateway, with the machine's key (chapter 5).

By aiohttp: five calls go with each inspection, and httpx takes some 2.5 ms of the processor for
one, which is as much as a tool takes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self, TypeVar
from urllib.parse import quote

import aiohttp
import orjson
from pydantic import BaseModel, TypeAdapter, ValidationError

from common.client import trace_headers
from common.schemas.vision import (
    Assignment,
    Heartbeat,
    HeartbeatReceipt,
    MachineRegistration,
    NodeEvent,
    NodeLogs,
    ResultReceipt,
    ResultReport,
    StatusUpdate,
)
from vision_node.settings import Settings

_TIMEOUT: Final = aiohttp.ClientTimeout(total=10.0, sock_connect=2.0)
_UPLOAD_TIMEOUT: Final = aiohttp.ClientTimeout(total=60.0, sock_connect=2.0)
_EVENTS: Final = TypeAdapter(list[NodeEvent])
# The gateway or the orchestrator is away, busy, or does not know the key yet.
_TRY_AGAIN: Final = frozenset({401, 408, 425, 429})


class Away(Exception):
    """No answer, or one that may be another later."""


class Refused(Exception):
    """An answer that will not change by asking again."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


@dataclass(frozen=True, slots=True)
class Wanted:
    """Inspections whose pictures somebody watches: with the overlay drawn, or bare."""

    drawn: frozenset[str] = frozenset()
    plain: frozenset[str] = frozenset()


class Gateway:
    """Speaks as this machine."""

    def __init__(self, settings: Settings) -> None:
        self._base = f"{settings.gateway_url.rstrip('/')}/api/v1"
        self._key = settings.machine_key

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {self._key.get_secret_value()}"},
            timeout=_TIMEOUT,
            connector=aiohttp.TCPConnector(limit=16),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.close()

    async def register(self, machine: MachineRegistration) -> str:
        """Introduce this machine and learn its id; the same name keeps the same id."""
        answer = await self._post("/machines/", _json(machine))
        try:
            return str(orjson.loads(answer)["id"])
        except (ValueError, KeyError) as error:
            raise Away("the registration was answered without an id") from error

    async def beat(self, heartbeat: Heartbeat) -> HeartbeatReceipt:
        """Say that the machine lives; learn what was renewed, cancelled and lost."""
        return _read(HeartbeatReceipt, await self._post("/webhooks/heartbeat/", _json(heartbeat)))

    async def update_status(self, update: StatusUpdate) -> None:
        """Say how busy the machine is, between heartbeats."""
        await self._post("/webhooks/status/", _json(update))

    async def report(self, report: ResultReport) -> ResultReceipt:
        """Send a result; `accepted` is false where the lease was lost meanwhile."""
        return _read(ResultReceipt, await self._post("/webhooks/results/", _json(report)))

    async def publish(self, events: list[NodeEvent]) -> Wanted:
        """Tell the viewers of inspections what happened; learn whose pictures they want to see."""
        answer = await self._post("/webhooks/events/", _EVENTS.dump_json(events))
        try:
            receipt = orjson.loads(answer)
            drawn, plain = receipt["overlay_wanted"], receipt.get("plain_wanted", ())
            return Wanted(frozenset(drawn), frozenset(plain))
        except (ValueError, KeyError, TypeError, AttributeError):
            return Wanted()

    async def ship_logs(self, logs: NodeLogs) -> None:
        """Bring log lines, for the cluster service."""
        await self._post("/webhooks/logs/", _json(logs))

    async def observe(self, batch: bytes) -> None:
        """Bring what a floor camera saw; the same frames again change nothing."""
        await self._post("/observations/", batch)

    async def camera_address(self, camera_id: str) -> str:
        """Where a floor camera is reached; its credentials never pass through the orchestrator."""
        path = f"/cameras/{quote(camera_id, safe='')}/address/"
        answer = await self._send("GET", path)
        try:
            return str(orjson.loads(answer)["address"])
        except (ValueError, KeyError, TypeError) as error:
            raise Away("the camera's address was answered without one") from error

    async def show_frame(self, assignment: Assignment, *, name: str, data: bytes) -> None:
        """Bring a picture of a stream, for who watches now; nobody keeps it."""
        await self._send(
            "PUT",
            f"/webhooks/artifacts/{assignment.inspection_id}/{name}/?transient=true",
            data=data,
            headers={
                "Content-Type": "image/jpeg",
                "X-Machine-ID": assignment.machine_id,
                "X-Lease-Token": assignment.lease.token,
            },
        )

    async def upload_artifact(self, report: ResultReport, *, name: str, data: bytes) -> None:
        """Bring an artifact of a result; the same again replaces it."""
        media_type = next(part.media_type for part in report.artifacts if part.name == name)
        await self._send(
            "PUT",
            f"/webhooks/artifacts/{report.inspection_id}/{name}/",
            data=data,
            headers={
                "Content-Type": media_type,
                "X-Machine-ID": report.machine_id,
                "X-Lease-Token": report.lease_token or "",
            },
            timeout=_UPLOAD_TIMEOUT,
        )

    async def fetch_image(self, image_id: str) -> bytes:
        """The bytes of an upload."""
        return await self._send("GET", f"/webhooks/images/{image_id}/", timeout=_UPLOAD_TIMEOUT)

    async def _post(self, path: str, body: bytes) -> bytes:
        return await self._send(
            "POST",
            path,
            data=body,
            headers={"Content-Type": "application/json"},
        )

    async def _send(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **more: Any
    ) -> bytes:
        """Raises Away or Refused."""
        try:
            async with self._http.request(
                method,
                self._base + path,
                headers={**trace_headers(), **(headers or {})},
                allow_redirects=False,
                **more,
            ) as answer:
                status, body = answer.status, await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Away(f"{method} {path}: {type(error).__name__}") from error
        if 200 <= status < 300:
            return body
        if status >= 500 or status in _TRY_AGAIN:
            raise Away(f"{method} {path} was answered by {status}")
        raise Refused(status, _message(body))


def _json(body: BaseModel) -> bytes:
    return body.model_dump_json().encode()


def _message(body: bytes) -> str:
    try:
        return str(orjson.loads(body)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return "no reason given"


_Shape = TypeVar("_Shape", bound=BaseModel)


def _read(shape: type[_Shape], answer: bytes) -> _Shape:
    try:
        return shape.model_validate_json(answer)
    except ValidationError as error:
        raise Away(f"the answer is no {shape.__name__}") from error
