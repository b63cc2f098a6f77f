"""`/ws/printers`: what printers do as it happens; `?printer_id=` narrows it (contract, ch. 3)."""

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, WebSocket

from common.bus import Bus
from common.errors import ServiceError, Unavailable
from common.sockets import admitted, refuse, resume_point
from printers.api.dependencies import lens_of, services_of
from printers.moments import utc
from printers.streaming.feed import Feed
from printers.streaming.watching import Watch

router = APIRouter()


@router.websocket("/ws/printers")
async def watch_printers(websocket: WebSocket) -> None:
    """Events of all printers, or of one, each with its `seq`."""
    bus: Bus = websocket.app.state.bus
    feed: Feed = websocket.app.state.feed
    services = await services_of(websocket)
    printer_id = websocket.query_params.get("printer_id")
    lens = await lens_of(websocket)

    async def state() -> dict[str, Any]:
        shown = await services.fleet.everyone(lens, printer_id=printer_id)
        return {
            "type": "printers",
            "timestamp": utc(datetime.now(UTC)),
            "data": {"printers": [one.model_dump(mode="json") for one in shown]},
        }

    try:
        await admitted(websocket, "read")
        after = resume_point(websocket)
        if printer_id is not None:
            await services.fleet.get(printer_id, lens)
        if not bus.is_connected:
            raise Unavailable("The bus does not answer right now.")
    except ServiceError as error:
        await refuse(websocket, error)
        return
    await websocket.accept()
    watch = Watch(websocket, bus=bus, feed=feed, state=state)
    await watch.serve(after, printer_id=printer_id)
