"""The daily report: the same figures as the metrics, on screen, in a table and on paper."""

import csv
import io
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.tracking.conftest import INSIDE, OUTSIDE, Floor, Make, made, new_floor


@pytest.fixture(scope="module")
async def day(launch_for_file: Make) -> AsyncIterator[Floor]:
    """A floor on which two people worked on 15 January 2025."""
    service = launch_for_file()
    async with service.client("admin") as client:
        shifts = [{"name": "เช้า", "start": "08:00", "end": "16:00"}]
        await client.put("/api/v1/schedule", json={"timezone": "Asia/Bangkok", "shifts": shifts})
        floor = await new_floor(client)
        for worker_id, name in (("W001", "สมหญิง ปิ่นแก้ว"), ("W002", "João Conceição")):
            await made(client, "workers", worker_id=worker_id, name=name)
        frames = floor.stay([(600, INSIDE), (10, OUTSIDE)], worker_id="W001", fps=0.5)
        frames += floor.stay([(200, INSIDE)], start=610, worker_id="W002", fps=0.5)
        frames += floor.stay([(400, INSIDE)], start=810, worker_id="W002", fps=0.5, motion=0)
        frames += floor.stay([(10, OUTSIDE)], start=1210, fps=0.5)
        await floor.see(frames)
        yield floor


async def ask(floor: Floor, path: str, **params: str) -> httpx.Response:
    query = {"date": "2025-01-15", **params}
    answer = await floor.client.get(f"/api/v1/reports/{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer


async def test_a_report_agrees_with_the_metrics(day: Floor) -> None:
    report = (await ask(day, "daily", format="json")).json()
    zone = (await day.client.get(f"/api/v1/metrics/zone/{day.z1}?date=2025-01-15")).json()
    told = report["summary"]
    assert (report["report_type"], report["date"]) == ("daily", "2025-01-15")
    assert told["overall_productivity"] == zone["productivity"]
    assert told["total_active_hours"] == round(zone["total_active_seconds"] / 3600, 3)
    assert (told["total_workers"], told["total_sessions"]) == (2, 2)
    assert (told["completed_indices"], told["coverage"]) == (11, 1)
    assert [one["worker_id"] for one in report["top_performers"]] == ["W001", "W002"]
    assert [(one["shift"], one["workers"]) for one in report["shifts"]] == [("เช้า", 2)]
    assert [hour["hour"] for hour in report["hours"]] == ["15:00"]
    assert told["anomalies_count"] == len(report["issues"])
    assert "excessive_idle" in {issue["anomaly_type"] for issue in report["issues"]}


async def test_a_table_has_a_line_for_each_session(day: Floor) -> None:
    await made(day.client, "workers", worker_id="W003", name="=1+1")
    answer = await ask(day, "daily/export", format="csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert 'filename="daily_report_2025-01-15.csv"' in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert {row["worker_name"] for row in rows} == {"สมหญิง ปิ่นแก้ว", "João Conceição"}
    assert {row["zone_id"] for row in rows} == {day.z1}


@pytest.mark.parametrize("language", ["en", "th", "pt"])
async def test_a_report_is_printed_with_its_font(day: Floor, language: str) -> None:
    answer = await ask(day, "daily/export", format="pdf", language=language)
    assert answer.headers["content-type"] == "application/pdf"
    assert 'filename="daily_report_2025-01-15.pdf"' in answer.headers["content-disposition"]
    assert answer.content.startswith(b"%PDF-")
    assert b"Sarabun" in answer.content
    assert b"FontFile2" in answer.content


async def test_a_day_without_anything_is_a_report_too(admin: httpx.AsyncClient) -> None:
    report = (await admin.get("/api/v1/reports/daily?date=2001-01-01")).json()
    assert report["summary"]["overall_productivity"] is None
    assert report["hours"] == []
    answer = await admin.get("/api/v1/reports/daily/export?date=2001-01-01")
    assert answer.content.startswith(b"%PDF-")


@pytest.mark.parametrize("query", ["date=2025-13-01", "format=docx", "language=xx", "date=x"])
async def test_what_cannot_be_reported_is_400(admin: httpx.AsyncClient, query: str) -> None:
    for path in ("daily", "daily/export"):
        assert (await admin.get(f"/api/v1/reports/{path}?{query}")).status_code == 400


async def test_reports_want_their_own_right(shared: Any) -> None:
    async with shared.client("viewer", permissions=["read"]) as client:
        assert (await client.get("/api/v1/reports/daily")).status_code == 403
    async with shared.client("viewer", permissions=["view_reports"]) as client:
        assert (await client.get("/api/v1/reports/daily")).status_code == 200
