"""What the endpoints need, from the app's state; and the parameters that several share."""

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import Depends, Path, Query
from fastapi.requests import HTTPConnection

from common.auth import Principal, require
from common.bus import Bus
from common.db import Database, Session
from common.errors import ValidationFailed
from common.pool import Pool
from devices.ingest import Ingest
from devices.readings import BadReading, moment
from devices.service import Registry
from devices.store.directory import Directory
from devices.watching import Watcher

_LARGEST_ID: Final = 2**31 - 1


def _part(name: str) -> Any:
    async def dependency(connection: HTTPConnection) -> Any:
        return getattr(connection.app.state, name)

    return Depends(dependency)


async def _registry(session: Session) -> Registry:
    return Registry(session)


def _time(name: str, text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        # A plus sign that was not escaped arrives as a space.
        return moment(text.replace(" ", "+"))
    except BadReading as error:
        raise ValidationFailed(fields={name: [error.text]}, in_body=False) from error


async def _start(
    start: Annotated[str | None, Query(description="RFC 3339, inclusive.")] = None,
) -> Any:
    return _time("start", start)


async def _end(end: Annotated[str | None, Query(description="RFC 3339, exclusive.")] = None) -> Any:
    return _time("end", end)


DeviceId = Annotated[int, Path(ge=1, le=_LARGEST_ID)]
Start = Annotated[datetime | None, Depends(_start)]
End = Annotated[datetime | None, Depends(_end)]
Metric = Annotated[str | None, Query(max_length=100, description="Only this metric.")]
RegistryPart = Annotated[Registry, Depends(_registry)]
IngestPart = Annotated[Ingest, _part("ingest")]
WatcherPart = Annotated[Watcher, _part("watcher")]
StorePart = Annotated[Pool, _part("store")]
DirectoryPart = Annotated[Directory, _part("directory")]
DatabasePart = Annotated[Database, _part("database")]
BusPart = Annotated[Bus, _part("bus")]
Reader = Annotated[Principal, Depends(require("read"))]
Writer = Annotated[Principal, Depends(require("write"))]
Deleter = Annotated[Principal, Depends(require("delete"))]
