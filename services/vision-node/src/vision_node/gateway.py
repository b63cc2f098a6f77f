"""The node's only line out: REST through the gateway, with the machine's key (chapter 5)."""

from collections.abc import Mapping
from typing import Any, Final, Self, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from common.client import trace_headers
from common.schemas.vision import (
    Heartbeat,
    HeartbeatReceipt,
    MachineRegistration,
    NodeEvents,
    ResultReceipt,
    ResultReport,
    StatusUpdate,
)
from vision_node.settings import Settings

_TIMEOUT: Final = httpx.Timeout(10.0, connect=2.0)
_UPLOAD_TIMEOUT: Final = httpx.Timeout(60.0, connect=2.0)
# The gateway or the orchestrator is away, busy, or does not know the key yet.
_TRY_AGAIN: Final = frozenset({401, 408, 425, 429})


class Away(Exception):
    """No answer, or one that may be another later."""


class Refused(Exception):
    """An answer that will not change by asking again."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class Gateway:
    """Speaks as this machine."""

    def __init__(self, settings: Settings) -> None:
        key = settings.machine_key.get_secret_value()
        self._http = httpx.AsyncClient(
            base_url=f"{settings.gateway_url.rstrip('/')}/api/v1",
            headers={"Authorization": f"Bearer {key}"},
            timeout=_TIMEOUT,
            limits=httpx.Limits(max_connections=16, max_keepalive_connections=8),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def register(self, machine: MachineRegistration) -> str:
        """Introduce this machine and learn its id; the same name keeps the same id."""
        answer = await self._post("/machines/", machine)
        try:
            return str(answer.json()["id"])
        except (ValueError, KeyError) as error:
            raise Away("the registration was answered without an id") from error

    async def beat(self, heartbeat: Heartbeat) -> HeartbeatReceipt:
        """Say that the machine lives; learn what was renewed, cancelled and lost."""
        return _read(HeartbeatReceipt, await self._post("/webhooks/heartbeat/", heartbeat))

    async def update_status(self, update: StatusUpdate) -> None:
        """Say how busy the machine is, between heartbeats."""
        await self._post("/webhooks/status/", update)

    async def report(self, report: ResultReport) -> ResultReceipt:
        """Send a result; `accepted` is false where the lease was lost meanwhile."""
        return _read(ResultReceipt, await self._post("/webhooks/results/", report))

    async def publish(self, events: NodeEvents) -> None:
        """Tell the viewers of inspections what happened."""
        await self._post("/webhooks/events/", events)

    async def upload_artifact(self, report: ResultReport, *, name: str, data: bytes) -> None:
        """Bring an artifact of a result; the same again replaces it."""
        media_type = next(part.media_type for part in report.artifacts if part.name == name)
        await self._send(
            "PUT",
            f"/webhooks/artifacts/{report.inspection_id}/{name}/",
            content=data,
            headers={
                "Content-Type": media_type,
                "X-Machine-ID": report.machine_id,
                "X-Lease-Token": report.lease_token or "",
            },
            timeout=_UPLOAD_TIMEOUT,
        )

    async def fetch_image(self, image_id: str) -> bytes:
        """The bytes of an upload."""
        answer = await self._send("GET", f"/webhooks/images/{image_id}/", timeout=_UPLOAD_TIMEOUT)
        return answer.content

    async def _post(self, path: str, body: BaseModel) -> httpx.Response:
        return await self._send(
            "POST",
            path,
            content=body.model_dump_json(),
            headers={"Content-Type": "application/json"},
        )

    async def _send(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        """Raises Away or Refused."""
        try:
            answer = await self._http.request(
                method, path, headers={**trace_headers(), **(headers or {})}, **more
            )
        except httpx.HTTPError as error:
            raise Away(f"{method} {path}: {type(error).__name__}") from error
        if answer.is_success:
            return answer
        if answer.status_code >= 500 or answer.status_code in _TRY_AGAIN:
            raise Away(f"{method} {path} was answered by {answer.status_code}")
        raise Refused(answer.status_code, _message(answer))


def _message(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return answer.reason_phrase


_Shape = TypeVar("_Shape", bound=BaseModel)


def _read(shape: type[_Shape], answer: httpx.Response) -> _Shape:
    try:
        return shape.model_validate_json(answer.content)
    except ValidationError as error:
        raise Away(f"the answer is no {shape.__name__}") from error
