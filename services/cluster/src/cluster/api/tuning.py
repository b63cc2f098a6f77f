"""Settings that are obeyed at once by every process of the mesh (contract, chapter 9)."""

from typing import Annotated

from fastapi import Query, Response

from cluster.api.dependencies import Administrator, Reader, Serving
from cluster.schemas.shapes import SettingsRecord
from cluster.schemas.tuning import ClusterSettings, SettingsPatch
from common.serve import service_router

router = service_router(prefix="/settings", tags=["settings"])


@router.get("")
async def get_settings(services: Serving, response: Response, _: Reader) -> ClusterSettings:
    """The settings in force; the version is in `X-Settings-Version`."""
    settings, version = await services.tuning.read()
    response.headers["X-Settings-Version"] = str(version)
    return settings


@router.post("")
async def change_settings(
    patch: SettingsPatch, services: Serving, response: Response, admin: Administrator
) -> ClusterSettings:
    """Change some; the whole is answered. One wrong value and none is changed."""
    settings, version = await services.tuning.change(patch, admin)
    response.headers["X-Settings-Version"] = str(version)
    return settings


@router.get("/history")
async def settings_history(
    services: Serving,
    _: Reader,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> list[SettingsRecord]:
    """Every change and who made it, newest first."""
    return await services.tuning.history(limit=limit)
