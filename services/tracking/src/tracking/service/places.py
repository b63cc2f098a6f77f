"""Zones: polygons on a camera's picture, and who is in them."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from common.db import Database
from tracking.floor.geometry import problem_of
from tracking.models import Camera, Zone
from tracking.repository import cameras, rulebook, zones
from tracking.schemas.registry import ZoneDraft, ZoneList, ZonePatch, ZoneView, given
from tracking.service.gone import BadField, Taken, ZoneGone


class PlaceService:
    """What users do with zones."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def listed(self, *, camera_id: str | None, active: bool | None) -> ZoneList:
        """Zones by id."""
        async with self._database.transaction() as session:
            found = await zones.listed(session, camera_id=camera_id, active=active)
            counts = await zones.occupancies(session)
        views = [view_of(zone, counts) for zone in found]
        return ZoneList(total=len(views), zones=views)

    async def get(self, zone_id: str) -> ZoneView:
        """One zone.

        Raises:
            ZoneGone: there is none of this id.
        """
        async with self._database.transaction() as session:
            zone = await known(session, zone_id)
            return view_of(zone, await zones.occupancies(session))

    async def draw(self, draft: ZoneDraft) -> ZoneView:
        """Make a zone.

        Raises:
            Taken: the id is in use.
            BadField: no such camera, or no valid polygon on its picture; says which rule.
        """
        async with self._database.transaction() as session:
            await _check(session, draft.camera_id, draft.polygon_coords)
            if await zones.get(session, draft.zone_id) is not None:
                raise Taken("Zone", draft.zone_id)
            zone = Zone(**draft.model_dump())
            session.add(zone)
            try:
                await session.flush()
            except IntegrityError as error:
                raise Taken("Zone", draft.zone_id) from error
            await session.refresh(zone)
            await rulebook.revised(session)
        return view_of(zone, {})

    async def change(self, zone_id: str, patch: ZonePatch) -> ZoneView:
        """Change what is named.

        Raises:
            ZoneGone: there is none of this id.
            BadField: the zone would not be valid; says which rule.
        """
        changes = given(patch)
        async with self._database.transaction() as session:
            zone = await known(session, zone_id, lock=True)
            for name, value in changes.items():
                setattr(zone, name, value)
            if zone.max_workers is not None and zone.min_workers > zone.max_workers:
                raise BadField("min_workers", "min_workers must not be above max_workers.")
            await _check(session, zone.camera_id, zone.polygon_coords)
            zone.updated_at = func.now()
            await session.flush()
            await session.refresh(zone)
            await rulebook.revised(session)
            return view_of(zone, await zones.occupancies(session))

    async def deactivate(self, zone_id: str) -> None:
        """Take a zone out of force; its sessions stay.

        Raises:
            ZoneGone: there is none of this id.
        """
        async with self._database.transaction() as session:
            zone = await known(session, zone_id, lock=True)
            zone.active = False
            zone.updated_at = func.now()
            await rulebook.revised(session)


async def known(session: AsyncSession, zone_id: str, *, lock: bool = False) -> Zone:
    """The zone of this id.

    Raises:
        ZoneGone: there is none.
    """
    zone = await zones.get(session, zone_id, lock=lock)
    if zone is None:
        raise ZoneGone(zone_id)
    return zone


async def _check(session: AsyncSession, camera_id: str, corners: list[list[float]]) -> None:
    with session.no_autoflush:
        camera = await cameras.get(session, camera_id)
    if camera is None:
        raise BadField("camera_id", f"there is no camera {camera_id!r}", camera_id=camera_id)
    if (problem := polygon_problem(camera, corners)) is not None:
        raise BadField("polygon_coords", problem)


def polygon_problem(camera: Camera, corners: list[list[float]]) -> str | None:
    """The rule that these corners break on this camera's picture."""
    points = [(corner[0], corner[1]) for corner in corners]
    return problem_of(points, width=camera.width, height=camera.height)


def view_of(zone: Zone, counts: Mapping[str, int]) -> ZoneView:
    """A zone as users see it."""
    fields: dict[str, Any] = {
        name: getattr(zone, name) for name in ZoneView.model_fields if name != "current_occupancy"
    }
    return ZoneView(**fields, current_occupancy=counts.get(zone.zone_id, 0))
