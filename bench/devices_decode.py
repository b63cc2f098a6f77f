"""The devices service's way in, without the store: read, authenticated, decoded, answered.

Run as a process of its own, for the comparison of one row a request: `devices_decode.py PORT`.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from fastapi import FastAPI, Request

from common.serve import create_app, serve, service_router
from devices.api.parts import DeviceId, Writer
from devices.numbers import loads_exact
from devices.readings import Bounds, parse_readings
from devices.schemas import Accepted
from devices.settings import Settings

router = service_router()


@router.post("/api/devices/{device_id}/measurements", status_code=201)
async def decode(device_id: DeviceId, request: Request, caller: Writer) -> Accepted:
    """Decode and count."""
    bounds = Bounds(datetime.now(UTC), kept_days=3650)
    return Accepted(accepted=len(parse_readings(loads_exact(await request.body()), bounds)))


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
    serve(app, settings, component="decode", port=int(sys.argv[1]))


if __name__ == "__main__":
    main()
