"""Keeps each active camera running as a continuous inspection on a vision node.

The orchestrator moves it when its node is lost; we start it again, with longer and longer pauses,
when the camera itself is lost.
"""

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import aiohttp

from common.client import MeshClient
from common.db import Database
from common.errors import ServiceError
from common.vault import Vault
from tracking.models import Camera, Stream
from tracking.repository import cameras, streams
from tracking.service.gone import CameraGone, CameraOffline
from tracking.settings import Settings

_FINAL: Final = frozenset({"completed", "failed", "cancelled"})
# A camera from which nothing has come for so long is given up for a while: its place is free.
_PATIENCE: Final = timedelta(seconds=60)
_SNAPSHOT_S: Final = 12.0
_LARGEST_PICTURE: Final = 16 * 1024 * 1024
_log = logging.getLogger("streams")


class RunningService:
    """Streams of cameras."""

    def __init__(
        self, settings: Settings, *, database: Database, client: MeshClient, vault: Vault
    ) -> None:
        self._settings = settings
        self._url = settings.orchestrator_url.rstrip("/")
        self._database = database
        self._client = client
        self._vault = vault

    async def address(self, camera_id: str) -> str:
        """Where a camera is reached, credentials included: for the node that connects to it.

        Raises:
            CameraGone: there is no such camera, it is out of use, or its seal is another's.
        """
        async with self._database.transaction() as session:
            camera = await cameras.get(session, camera_id)
        address = self._vault.unseal(camera.sealed_url) if camera and camera.active else None
        if address is None:
            raise CameraGone(camera_id)
        return address

    async def reconcile(self) -> None:
        """Bring every stream nearer to what its camera wants; a failure delays no other."""
        async with self._database.transaction() as session:
            ids = await streams.camera_ids(session)
        for camera_id in ids:
            try:
                async with self._database.transaction() as session:
                    found = await streams.taken(session, camera_id)
                    if found is not None:
                        await self._tend(*found)
            except ServiceError as error:
                _log.warning("%s: %s", camera_id, error.message)

    async def _tend(self, camera: Camera, stream: Stream, heard_at: datetime | None) -> None:
        now = datetime.now(UTC)
        if stream.inspection_id is not None:
            if not camera.active or stream.revision != camera.revision:
                await self._stop(stream.inspection_id)
                _rest(stream, "stopped")
            else:
                await self._look(stream, heard_at, now)
        if stream.inspection_id is None and camera.active:
            is_changed = stream.revision != camera.revision
            if is_changed or stream.next_try_at is None or stream.next_try_at <= now:
                if is_changed:
                    stream.failures = 0
                await self._start(camera, stream, now)

    async def _look(self, stream: Stream, heard_at: datetime | None, now: datetime) -> None:
        path = self._path(stream.inspection_id)
        answer = await self._client.request("GET", path)
        if answer.status_code not in (200, 404):
            return
        status = str(answer.json()["status"]) if answer.status_code == 200 else "gone"
        if status in _FINAL or status == "gone":
            error = answer.json().get("error_message") if status in _FINAL else None
            self._fail(stream, error or f"the stream ended: {status}", now)
            if status in _FINAL:
                await self._client.request("DELETE", path)
            return
        stream.state = "running" if status == "processing" else "starting"
        if status != "processing":
            stream.started_at = now
            return
        since = max(stream.started_at or now, heard_at or stream.started_at or now)
        if heard_at is not None and now - heard_at < _PATIENCE:
            stream.failures, stream.error = 0, None
        elif now - since > _PATIENCE:
            inspection_id = stream.inspection_id
            self._fail(stream, "the camera gives no pictures", now)
            if inspection_id is not None:
                await self._stop(inspection_id)

    def _fail(self, stream: Stream, error: str, now: datetime) -> None:
        settings = self._settings
        pause_s = settings.camera_retry_s * 2 ** min(stream.failures, 20)
        _rest(stream, "failed")
        stream.failures += 1
        stream.error = error[:1000]
        stream.next_try_at = now + timedelta(seconds=min(pause_s, settings.camera_retry_most_s))

    async def _start(self, camera: Camera, stream: Stream, now: datetime) -> None:
        body = {
            "name": f"Floor camera {camera.camera_id}",
            "description": "Kept running by the tracking service.",
            "inspection_type": "report_people",
            "priority": 3,
            "location": camera.location,
            "pipeline_config": pipeline_of(camera, max_fps=self._settings.camera_max_fps),
        }
        url = f"{self._url}/api/v1/inspections"
        answer = await self._client.request("POST", url, json=body)
        stream.revision = camera.revision
        if answer.status_code != 201:
            self._fail(stream, f"the stream was refused: {answer.text[:500]}", now)
            return
        stream.inspection_id = str(answer.json()["id"])
        stream.state, stream.started_at, stream.next_try_at = "starting", now, None

    async def _stop(self, inspection_id: str) -> None:
        """Cancel and tidy up; one that has ended already is as good."""
        await self._client.request("POST", f"{self._path(inspection_id)}/cancel")

    def _path(self, inspection_id: str | None) -> str:
        return f"{self._url}/api/v1/inspections/{inspection_id}"

    async def snapshot(self, camera_id: str) -> bytes:
        """A picture of the camera as its stream shows it now, with who was found, as JPEG.

        Raises:
            CameraGone: there is none of this id.
            CameraOffline: it gives no picture now.
        """
        async with self._database.transaction() as session:
            found = await cameras.listed(session, camera_id)
        if not found:
            raise CameraGone(camera_id)
        _, _, stream = found[0]
        if stream is None or stream.inspection_id is None:
            raise CameraOffline(camera_id)
        url = f"{self._url}/ws/inspections/{stream.inspection_id}?overlay=jpeg"
        try:
            async with asyncio.timeout(_SNAPSHOT_S):
                return await _first_picture(url, await self._client.bearer())
        except (aiohttp.ClientError, TimeoutError, OSError, EOFError) as error:
            raise CameraOffline(camera_id) from error


def _rest(stream: Stream, state: str) -> None:
    stream.inspection_id, stream.state, stream.started_at = None, state, None


async def _first_picture(url: str, token: str) -> bytes:
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.ws_connect(url, max_msg_size=_LARGEST_PICTURE) as websocket,
    ):
        async for message in websocket:
            if message.type is aiohttp.WSMsgType.BINARY:
                return bytes(message.data)
    raise EOFError("the stream ended without a picture")


def pipeline_of(camera: Camera, *, max_fps: float) -> dict[str, Any]:
    """Source → people → tracks with motion → badges → tracking."""
    source = {"source_type": "floor", "camera_id": camera.camera_id}
    report = {"camera_id": camera.camera_id, "width_px": camera.width, "height_px": camera.height}
    tools: list[tuple[str, dict[str, Any]]] = [
        ("image_source", {**source, "max_fps": min(max_fps, camera.fps)}),
        ("people_detection", {"min_confidence": 0.25}),
        ("motion", {}),
        ("track_objects", {"certain": 0.5, "uncertain": 0.1, "new": 0.5}),
        ("read_badges", {}),
        ("report_people", report),
    ]
    joints = (
        ("image_source", "image", "people_detection", "image"),
        ("image_source", "image", "motion", "image"),
        ("people_detection", "detections", "track_objects", "detections"),
        ("motion", "mask", "track_objects", "motion"),
        ("image_source", "image", "read_badges", "image"),
        ("track_objects", "tracks", "read_badges", "people"),
        ("read_badges", "people", "report_people", "people"),
        ("image_source", "image", "report_people", "image"),
    )
    return {
        "tools": [{"name": name, "parameters": parameters} for name, parameters in tools],
        "connections": [
            {"from": start, "from_port": gives, "to": end, "to_port": takes}
            for start, gives, end, takes in joints
        ],
    }
