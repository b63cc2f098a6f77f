"""`/internal/*`: what other services ask (contract, chapter 3)."""

from typing import Annotated

from fastapi import Depends, Query, Request
from pydantic import BaseModel, Field

from common.auth import require_service
from common.db import Database
from common.serve import service_router
from printers.api.dependencies import Serving
from printers.schemas.printers import AlertView
from printers.service.doors import verify

router = service_router(
    prefix="/internal", dependencies=[Depends(require_service)], include_in_schema=False
)


class KeyCheck(BaseModel):
    """A printer's id and what came as its key."""

    printer_id: str = Field(max_length=200)
    api_key: str = Field(max_length=1000)


class KeyOwner(BaseModel):
    """Whose key it is."""

    printer_id: str


@router.post("/verify-key")
async def verify_key(check: KeyCheck, request: Request) -> KeyOwner:
    """Say that this is the printer's key; 401 when it is not."""
    database: Database = request.app.state.database
    await verify(database, check.printer_id, check.api_key)
    return KeyOwner(printer_id=check.printer_id)


@router.get("/alerts")
async def all_alerts(
    services: Serving, open_only: Annotated[bool, Query(alias="open")] = True
) -> list[AlertView]:
    """All printers' alerts, in English, for the platform's list."""
    return await services.fleet.alerts(None, only_open=open_only, is_english=True)
