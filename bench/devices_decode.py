"""The devices service's way in, without the store: read, authenticated, decoded, answered.

Run as a process of its own, for the comparison of one row a request:
`devices_decode.py PORT framework|shortcut`.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from fastapi import FastAPI, Request

from common.serve import create_app, serve, service_router
from common.shortcuts import Call, Outcome, Shortcut, Shortcuts
from devices.api.parts import DeviceId, Writer
from devices.batch import plain_batch
from devices.numbers import loads_exact
from devices.readings import Bounds
from devices.schemas import Accepted
from devices.settings import Settings

router = service_router()


@router.post("/api/devices/{device_id}/measurements", status_code=201)
async def decode(device_id: DeviceId, request: Request, caller: Writer) -> Accepted:
    """Decode and count."""
    bounds = Bounds(datetime.now(UTC), kept_days=3650)
    batch = plain_batch(loads_exact(await request.body()), bounds)
    return Accepted(accepted=0 if batch is None else len(batch))


def shortcuts(_app: FastAPI) -> list[Shortcut]:
    """The same, past the framework."""

    async def decoded(call: Call) -> Outcome:
        bounds = Bounds(datetime.now(UTC), kept_days=3650)
        batch = plain_batch(loads_exact(call.body), bounds)
        return None if batch is None else b'{"accepted":%d}' % len(batch)

    return [Shortcut("/api/devices/{device_id}/measurements", "write", 201, decoded)]


@asynccontextmanager
async def nothing(app: FastAPI) -> AsyncIterator[None]:
    """There is nothing to hold."""
    yield


def main() -> None:
    """Serve until SIGTERM."""
    settings = Settings()
    app = create_app(
        settings,
        title="decode",
        description="Decode only.",
        lifespan=nothing,
        routers=[router],
        checks={},
    )
    way = Shortcuts(app, shortcuts) if sys.argv[2] == "shortcut" else app
    serve(way, settings, component="decode", port=int(sys.argv[1]))


if __name__ == "__main__":
    main()
