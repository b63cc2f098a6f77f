"""Cameras: where they are, whether they are seen, and never what they are logged in with."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal

from sqlalchemy import func
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from common.db import Database
from common.vault import Vault
from tracking.models import Camera, CameraState, Checkpoint, Stream
from tracking.repository import cameras, rulebook, zones
from tracking.schemas.registry import (
    CameraDraft,
    CameraList,
    CameraPatch,
    CameraView,
    StreamView,
    given,
    size_of,
    without_credentials,
)
from tracking.service.gone import BadField, CameraGone, Taken
from tracking.service.places import polygon_problem

_SAME: Final = ("camera_id", "name", "location", "fps", "active", "created_at", "updated_at")
CameraStatus = Literal["active", "inactive", "offline", "connecting"]


class LensService:
    """What users do with cameras."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    async def listed(self, *, status: str | None) -> CameraList:
        """Cameras by id."""
        async with self._database.transaction() as session:
            found = await cameras.listed(session)
            counts = await zones.counts(session)
        views = [self._view(known, counts) for known in found]
        chosen = [view for view in views if status in (None, view.status)]
        return CameraList(total=len(chosen), cameras=chosen)

    async def get(self, camera_id: str) -> CameraView:
        """One camera.

        Raises:
            CameraGone: there is none of this id.
        """
        async with self._database.transaction() as session:
            return await self._shown(session, camera_id)

    async def statuses(self) -> dict[str, str]:
        """Each active camera's status by id, for `/health`."""
        async with self._database.transaction() as session:
            found = await cameras.listed(session)
        return {one.camera_id: status_of(one, two, three) for one, two, three in found}

    async def add(self, draft: CameraDraft) -> CameraView:
        """Add a camera.

        Raises:
            Taken: the id is in use.
        """
        width, height = size_of(draft.resolution)
        camera = Camera(
            **draft.model_dump(exclude={"rtsp_url", "resolution"}),
            **self._sealed(draft.rtsp_url),
            width=width,
            height=height,
        )
        async with self._database.transaction() as session:
            if await cameras.get(session, draft.camera_id) is not None:
                raise Taken("Camera", draft.camera_id)
            session.add(camera)
            try:
                await session.flush()
            except IntegrityError as error:
                raise Taken("Camera", draft.camera_id) from error
            session.add(CameraState(camera_id=draft.camera_id))
            session.add(Checkpoint(camera_id=draft.camera_id, clock_s=float("-inf"), state=""))
            await session.flush()
            await rulebook.revised(session)
            return await self._shown(session, draft.camera_id)

    async def change(self, camera_id: str, patch: CameraPatch) -> CameraView:
        """Change what is named; an address as it was shown keeps its credentials.

        Raises:
            CameraGone: there is none of this id.
            BadField: a zone would lie outside of the picture.
        """
        changes = given(patch)
        address, resolution = changes.pop("rtsp_url", None), changes.pop("resolution", None)
        async with self._database.transaction() as session:
            camera = await _known(session, camera_id)
            if address is not None and address != camera.shown_url:
                changes |= self._sealed(address)
            if resolution is not None:
                changes["width"], changes["height"] = size_of(resolution)
            for name, value in changes.items():
                setattr(camera, name, value)
            await _check_zones(session, camera)
            camera.revision += 1
            camera.updated_at = func.now()
            await session.flush()
            await rulebook.revised(session)
            session.expire_all()
            return await self._shown(session, camera_id)

    async def deactivate(self, camera_id: str) -> None:
        """Take a camera out of use; what it saw stays.

        Raises:
            CameraGone: there is none of this id.
        """
        async with self._database.transaction() as session:
            camera = await _known(session, camera_id)
            camera.active = False
            camera.revision += 1
            camera.updated_at = func.now()
            await rulebook.revised(session)

    def _sealed(self, address: str) -> dict[str, str]:
        shown = without_credentials(address)
        return {"sealed_url": self._vault.seal(address), "shown_url": shown}

    async def _shown(self, session: AsyncSession, camera_id: str) -> CameraView:
        found = await cameras.listed(session, camera_id)
        if not found:
            raise CameraGone(camera_id)
        return self._view(found[0], await zones.counts(session))

    def _view(self, known: cameras.Known, counts: Mapping[str, int]) -> CameraView:
        camera, state, stream = known
        seen_at = datetime.fromtimestamp(state.clock_s, UTC) if state.clock_s is not None else None
        fields: dict[str, Any] = {name: getattr(camera, name) for name in _SAME}
        return CameraView(
            **fields,
            rtsp_url=camera.shown_url,
            has_credentials=self._vault.unseal(camera.sealed_url) != camera.shown_url,
            status=status_of(camera, state, stream),
            resolution=f"{camera.width}x{camera.height}",
            last_seen_at=seen_at,
            zones_count=counts.get(camera.camera_id, 0),
            stream=_stream_view(stream) if stream is not None else None,
        )


def status_of(camera: Camera, state: CameraState, stream: Stream | None) -> CameraStatus:
    """What the stream itself says: frames arrive, they stopped, or there never was one."""
    if not camera.active:
        return "inactive"
    if state.is_offline:
        return "offline"
    if state.heard_at is not None:
        return "active"
    if stream is not None and stream.state in ("starting", "running"):
        return "connecting"
    return "inactive"


def _stream_view(stream: Stream) -> StreamView:
    return StreamView(
        state=stream.state,
        inspection_id=stream.inspection_id,
        error=stream.error,
        next_try_at=stream.next_try_at,
    )


async def _known(session: AsyncSession, camera_id: str) -> Camera:
    camera = await cameras.get(session, camera_id, lock=True)
    if camera is None:
        raise CameraGone(camera_id)
    return camera


async def _check_zones(session: AsyncSession, camera: Camera) -> None:
    with session.no_autoflush:
        found = await zones.listed(session, camera_id=camera.camera_id, active=True)
    for zone in found:
        if (problem := polygon_problem(camera, zone.polygon_coords)) is not None:
            raise BadField("resolution", f"zone {zone.zone_id}: {problem}", zone_id=zone.zone_id)
