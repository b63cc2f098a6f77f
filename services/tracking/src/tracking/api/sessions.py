"""`/api/v1/sessions`: stays of people in zones; and a zone's occupancy."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Query

from common.auth import Principal, require
from common.moments import WrittenMoment
from common.serve import service_router
from tracking.api.dependencies import Limit, Offset, Serving, Text, ZoneReader
from tracking.repository.sessions import Wanted
from tracking.schemas.sessions import (
    ActiveSessions,
    Occupancy,
    SessionDetail,
    SessionList,
    SessionState,
)
from tracking.service.gone import BadParameter

router = service_router(prefix="/api/v1", tags=["sessions"])
SessionReader = Annotated[Principal, Depends(require("sessions:read"))]
Moment = Annotated[WrittenMoment | None, Query(description="RFC 3339; UTC where it names no zone.")]


@router.get("/sessions/active")
async def list_active_sessions(
    services: Serving, _: SessionReader, zone_id: Text = None
) -> ActiveSessions:
    """List the sessions that go on now."""
    return await services.stays.active(zone_id)


@router.get("/sessions")
async def list_sessions(
    services: Serving,
    _: SessionReader,
    worker_id: Text = None,
    zone_id: Text = None,
    state: SessionState | None = None,
    start: Moment = None,
    end: Moment = None,
    limit: Limit = 50,
    offset: Offset = 0,
) -> SessionList:
    """List sessions, newest first; with `start` and `end`, those that had any time in between."""
    wanted = Wanted(worker_id, zone_id, state, start=_aware(start), end=_aware(end))
    if wanted.start is not None and wanted.end is not None and wanted.start >= wanted.end:
        raise BadParameter("end", "must be after start")
    return await services.stays.page(wanted, limit=limit, offset=offset)


@router.get("/sessions/{session_id}")
async def get_session(session_id: str, services: Serving, _: SessionReader) -> SessionDetail:
    """Get one session with its timeline."""
    return await services.stays.get(session_id)


@router.get("/zones/{zone_id}/occupancy")
async def get_occupancy(zone_id: str, services: Serving, _: ZoneReader) -> Occupancy:
    """Get who is in a zone now."""
    return await services.stays.occupancy(zone_id)


def _aware(moment: datetime | None) -> datetime | None:
    if moment is not None and moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    return moment
