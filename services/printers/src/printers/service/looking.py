"""Inspects printers' cameras: a snapshot, a vision node's verdict, a smoothed score, an alert."""

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from common.auth import Principal
from common.client import MeshClient
from common.db import Database
from common.errors import ServiceError
from common.pool import Pool
from printers.models import Alert, Job, Printer
from printers.reach import Line, Reach
from printers.reports import HostRefused
from printers.repository import alerts, glances, printers
from printers.schemas.printers import Camera
from printers.service.commanding import CommandService
from printers.service.telling import Teller
from printers.settings import Settings
from printers.verdicts import pipeline_for, sign_of, smoothed

_POLL_S: Final = 0.5
_INSPECTION_S: Final = 60.0
_FINAL: Final = ("completed", "failed", "cancelled")
_log = logging.getLogger("cameras")


class NoVerdict(Exception):
    """A picture could not be had, or not be judged."""


@dataclass(frozen=True, slots=True)
class Due:
    """A camera that is to be looked at, and the print that it sees."""

    printer_id: str
    camera: Camera
    job_id: int
    model_file: str


class CameraService:
    """Looks at prints."""

    def __init__(
        self,
        settings: Settings,
        *,
        database: Database,
        pool: Pool,
        client: MeshClient,
        commands: CommandService,
        teller: Teller,
    ) -> None:
        self._url = settings.orchestrator_url.rstrip("/")
        self._reach = Reach(settings)
        self._database = database
        self._pool = pool
        self._client = client
        self._commands = commands
        self._teller = teller
        self._scores: dict[str, tuple[int, float]] = {}

    async def due(self) -> list[Due]:
        """The cameras of printers that print now."""
        async with self._pool.connection() as connection:
            if not await glances.has_camera_work(connection):
                return []
        async with self._database.transaction() as session:
            found = [one for one in await printers.bridged(session) if one.camera]
            current = await printers.current_jobs(session, [one.printer_id for one in found])
        return [
            Due(one.printer_id, camera, job.id, job.model_file)
            for one, job in _printing(found, current)
            if (camera := Camera.model_validate(one.camera)).is_enabled
        ]

    async def look(self, due: Due, session: aiohttp.ClientSession) -> float:
        """Judge one picture; the score after it.

        Raises:
            NoVerdict: there is no picture, or no verdict on it.
        """
        picture = await self._snapshot(due, session)
        try:
            results = await self._inspected(due, picture)
        except (ServiceError, KeyError, ValueError) as error:
            raise NoVerdict(f"the inspection failed: {error!r}") from error
        sign = sign_of(results, due.camera.score_field, full=due.camera.score_full)
        if sign is None:
            raise NoVerdict(f"the result has no number {due.camera.score_field}")
        job_id, before = self._scores.get(due.printer_id, (due.job_id, 0.0))
        score = smoothed(before if job_id == due.job_id else None, sign)
        self._scores[due.printer_id] = (due.job_id, score)
        await self._keep(due, score)
        return score

    async def _snapshot(self, due: Due, session: aiohttp.ClientSession) -> bytes:
        try:
            return await Line(session, self._reach, due.camera.snapshot_url).picture()
        except (aiohttp.ClientError, HostRefused, OSError, TimeoutError, ValueError) as error:
            raise NoVerdict(f"the camera gives no picture: {error!r}") from error

    async def _inspected(self, due: Due, picture: bytes) -> dict[str, Any]:
        answer = await self._client.request(
            "POST", f"{self._url}/api/v1/images", files={"file": ("snapshot.jpg", picture)}
        )
        if answer.status_code >= 300:
            raise NoVerdict(f"the picture was refused: {answer.text[:200]}")
        body = {
            "name": f"{due.printer_id}: {due.model_file}"[:200],
            "inspection_type": due.camera.inspection_type,
            "pipeline_config": pipeline_for(
                due.camera.pipeline_config, str(answer.json()["image_id"])
            ),
        }
        made = await self._client.request("POST", f"{self._url}/api/v1/inspections", json=body)
        if made.status_code >= 300:
            raise NoVerdict(f"the pipeline was refused: {made.text[:200]}")
        return await self._result(str(made.json()["id"]))

    async def _result(self, inspection_id: str) -> dict[str, Any]:
        path = f"{self._url}/api/v1/inspections/{inspection_id}"
        until = time.monotonic() + _INSPECTION_S
        while time.monotonic() < until:
            record = (await self._client.request("GET", path)).json()
            if record["status"] in _FINAL:
                await self._client.request("DELETE", path)
                if record["status"] != "completed":
                    raise NoVerdict(f"the inspection ended {record['status']}")
                return dict(record["results"] or {})
            await asyncio.sleep(_POLL_S)
        await self._client.request("POST", f"{path}/cancel")
        raise NoVerdict("no vision node took the picture in time")

    async def _keep(self, due: Due, score: float) -> None:
        is_feared = score >= due.camera.threshold
        raised: list[Alert] = []
        is_new = False
        async with self._database.transaction() as session:
            printer = await printers.get(session, due.printer_id, lock=True)
            if printer is None:
                return
            printer.camera_score = score
            current = (await printers.current_jobs(session, [due.printer_id])).get(due.printer_id)
            if is_feared and current is not None and current.id == due.job_id:
                alert, is_new = await alerts.raise_for(session, _alert(due, score))
                raised.append(alert)
            elif score < due.camera.threshold / 2:
                raised += await alerts.resolve(session, f"camera:{due.job_id}")
        await self._teller.printer(printer, current)
        await self._teller.alerts(raised)
        if is_new and due.camera.auto_pause:
            await self._pause(due)

    async def _pause(self, due: Due) -> None:
        camera = Principal(
            subject="service:printers",
            kind="service",
            role="service",
            permissions=frozenset({"*"}),
            expires_at=time.time() + 60,
        )
        try:
            await self._commands.give(due.printer_id, "pause", camera)
        except ServiceError as error:
            _log.warning("%s cannot be paused: %s", due.printer_id, error)


def _printing(found: list[Printer], current: dict[str, Job]) -> list[tuple[Printer, Job]]:
    pairs = [(one, current.get(one.printer_id)) for one in found]
    return [(one, job) for one, job in pairs if job is not None and job.status == "printing"]


def _alert(due: Due, score: float) -> Alert:
    return Alert(
        cause=f"camera:{due.job_id}",
        kind="print_failure_suspected",
        severity="warning",
        printer_id=due.printer_id,
        job_id=due.job_id,
        message=f"The camera of {due.printer_id} fears a failure of print {due.job_id} "
        f"(score {score:.2f})",
        message_pt=f"A câmera de {due.printer_id} suspeita de falha na impressão {due.job_id} "
        f"(pontuação {score:.2f})",
    )
