"""`/api/v1/reports`: the daily report as JSON, CSV and PDF."""

from typing import Annotated, Any, Final, Literal

from fastapi import Depends, Query, Response
from fastapi.responses import StreamingResponse

from common.auth import Principal, require
from common.serve import service_router
from tracking.api.dependencies import Serving
from tracking.api.metrics import Day
from tracking.paper.words import Language
from tracking.schemas.reports import DailyReport

router = service_router(prefix="/api/v1/reports", tags=["reports"])
Viewer = Annotated[Principal, Depends(require("view_reports"))]
Format = Literal["json", "csv", "pdf"]
_FORMS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"application/json": {}, "application/pdf": {}, "text/csv": {}}}
}


@router.get("/daily", response_model=DailyReport, responses=_FORMS)
async def get_daily_report(
    services: Serving,
    _: Viewer,
    day: Day = None,
    form: Annotated[Format, Query(alias="format")] = "json",
    language: Language = "en",
) -> Response | DailyReport:
    """Get the report of a day, today's so far by default."""
    if form == "json":
        return await services.reporting.daily(day)
    return await export_daily_report(services, _, day, form, language)


@router.get("/daily/export", response_class=Response, responses=_FORMS)
async def export_daily_report(
    services: Serving,
    _: Viewer,
    day: Day = None,
    form: Annotated[Format, Query(alias="format")] = "pdf",
    language: Language = "en",
) -> Response:
    """Download the report of a day; CSV has one line a session, and is streamed."""
    if form == "pdf":
        chosen, data = await services.reporting.pdf(day, language)
        return Response(data, media_type="application/pdf", headers=_named(f"{chosen}.pdf"))
    if form == "json":
        report = await services.reporting.daily(day)
        text = report.model_dump_json()
        headers = _named(f"{report.date}.json")
        return Response(text, media_type="application/json", headers=headers)
    chosen = await services.reporting.day_of(day)
    return StreamingResponse(
        services.reporting.csv(chosen),
        media_type="text/csv; charset=utf-8",
        headers=_named(f"{chosen}.csv"),
    )


def _named(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="daily_report_{name}"'}
