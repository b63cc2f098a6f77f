"""Lays the daily report out as PDF: ReportLab, with Sarabun (OFL) shaped by HarfBuzz.

Thai writes vowels and tones above and below its letters; without shaping they collide.
"""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

from reportlab.graphics.charts.barcharts import VerticalBarChart
from reportlab.graphics.shapes import Drawing, Rect, String
from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from tracking.paper.words import WORDS, Language
from tracking.schemas.metrics import HourFigures
from tracking.schemas.reports import DailyReport

_FONTS: Final = Path(__file__).parent / "fonts"
_INK, _FAINT, _LINE = HexColor("#1f2933"), HexColor("#616e7c"), HexColor("#cbd2d9")
_COLOURS: Final[dict[str, Color]] = {
    "active": HexColor("#2f855a"),
    "idle": HexColor("#dd9b28"),
    "unseen": HexColor("#a0aec0"),
}
_TEXT: Final = ParagraphStyle(
    "text", fontName="Sarabun", fontSize=9, leading=12, textColor=_INK, shaping=1
)
_BOLD: Final = ParagraphStyle("bold", parent=_TEXT, fontName="Sarabun-Bold")
_FAINT_TEXT: Final = ParagraphStyle("faint", parent=_TEXT, textColor=_FAINT)
_HEAD: Final = ParagraphStyle("head", parent=_BOLD, fontSize=8, leading=11)
_TITLE: Final = ParagraphStyle("title", parent=_BOLD, fontSize=20, leading=28)
_HEADING: Final = ParagraphStyle(
    "heading", parent=_BOLD, fontSize=12, leading=16, spaceBefore=10, spaceAfter=4
)
# The frame of a page keeps six points free on either side.
_WIDTH: Final = A4[0] - 36 * mm - 12
_MOST_ISSUES: Final = 40


def write_pdf(report: DailyReport, language: Language) -> bytes:
    """The report as a PDF; takes a tenth of a second of the processor."""
    for name in ("Sarabun", "Sarabun-Bold"):
        file = _FONTS / (f"{name}.ttf" if "-" in name else f"{name}-Regular.ttf")
        pdfmetrics.registerFont(TTFont(name, str(file), shapable=True))
    words = WORDS[language]
    target = BytesIO()
    document = SimpleDocTemplate(
        target,
        pagesize=A4,
        leftMargin=18 * mm,
        rightMargin=18 * mm,
        topMargin=16 * mm,
        bottomMargin=16 * mm,
        title=f"{words['title']} {report.date}",
        author="Gemba",
        lang=language,
    )

    def footer(canvas: Any, _: Any) -> None:
        canvas.setFont("Sarabun", 8)
        canvas.setFillColor(_FAINT)
        text = f"Gemba · {report.date} · {words['page']} {canvas.getPageNumber()}"
        canvas.drawString(18 * mm, 9 * mm, text, shaping=True)

    document.build(_story(report, words), onFirstPage=footer, onLaterPages=footer)
    return target.getvalue()


def _story(report: DailyReport, words: dict[str, str]) -> list[Flowable]:
    made = report.generated_at.astimezone(ZoneInfo(report.timezone)).strftime("%Y-%m-%d %H:%M")
    parts: list[Flowable] = [
        Paragraph(f"{words['title']} {report.date}", _TITLE),
        Paragraph(f"{words['made']} {made} ({escape(report.timezone)})", _FAINT_TEXT),
        Spacer(0, 4 * mm),
        _summary(report, words),
    ]
    if not report.hours:
        return [*parts, Spacer(0, 6 * mm), Paragraph(words["nothing"], _TEXT)]
    parts += [Paragraph(words["hours"], _HEADING), _chart(report.hours, words)]
    parts += _zones(report, words) + _shifts(report, words) + _people(report, words)
    return parts + _issues(report, words)


def _summary(report: DailyReport, words: dict[str, str]) -> Table:
    told = report.summary
    cells = [
        (words["indices"], f"{told.completed_indices}/{told.total_indices}"),
        (words["workers"], str(told.total_workers)),
        (words["active"], _hours(told.total_active_hours)),
        (words["idle"], _hours(told.total_idle_hours)),
        (words["unseen"], _hours(told.total_unseen_hours)),
        (words["productivity"], _share(told.overall_productivity)),
        (words["anomalies"], str(told.anomalies_count)),
        (words["alerts"], str(told.alerts_count)),
    ]
    large = ParagraphStyle("large", parent=_BOLD, fontSize=14, leading=18)
    small = ParagraphStyle("small", parent=_FAINT_TEXT, fontSize=7.5, leading=10)
    columns = [[Paragraph(value, large), Paragraph(name, small)] for name, value in cells]
    table = Table([columns[:4], columns[4:]], colWidths=[_WIDTH / 4] * 4)
    table.setStyle(
        TableStyle(
            [
                ("BOX", (0, 0), (-1, -1), 0.5, _LINE),
                ("INNERGRID", (0, 0), (-1, -1), 0.5, _LINE),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ]
        )
    )
    return table


def _chart(hours: Sequence[HourFigures], words: dict[str, str]) -> Drawing:
    drawing = Drawing(_WIDTH, 62 * mm)
    chart = VerticalBarChart()
    chart.x, chart.y, chart.width, chart.height = 28, 30, int(_WIDTH - 34), int(46 * mm)
    chart.data = [[getattr(hour, f"{state}_seconds") / 60 for hour in hours] for state in _COLOURS]
    chart.categoryAxis.style = "stacked"
    chart.categoryAxis.categoryNames = [hour.hour for hour in hours]
    for labels in (chart.categoryAxis.labels, chart.valueAxis.labels):
        labels.fontName, labels.fontSize, labels.fillColor = "Sarabun", 7, _FAINT
    chart.valueAxis.valueMin, chart.valueAxis.gridStrokeColor = 0, _LINE
    chart.valueAxis.visibleGrid, chart.valueAxis.strokeColor = 1, _LINE
    chart.barWidth, chart.groupSpacing = 6, 3
    drawing.add(chart)
    place = 28.0
    for number, (state, colour) in enumerate(_COLOURS.items()):
        chart.bars[number].fillColor, chart.bars[number].strokeColor = colour, None
        key = Rect(place, 4, 7, 7)
        key.fillColor, key.strokeColor = colour, None
        drawing.add(key)
        text = words[f"{state}_key"]
        drawing.add(String(place + 10, 4, text, fontName="Sarabun", fontSize=8, fillColor=_INK))
        place += 24 + pdfmetrics.stringWidth(text, "Sarabun", 8)
    return drawing


def _zones(report: DailyReport, words: dict[str, str]) -> list[Flowable]:
    names = ("zone", "workers", "sessions", "active", "idle", "unseen", "productivity")
    rows = [
        [
            f"{zone.zone_name} ({zone.zone_id})",
            str(zone.workers),
            str(zone.sessions),
            _hours(zone.active_hours),
            _hours(zone.idle_hours),
            _hours(zone.unseen_hours),
            _share(zone.productivity),
        ]
        for zone in report.zones
    ]
    return _table(words["zones"], [words[name] for name in names], rows)


def _shifts(report: DailyReport, words: dict[str, str]) -> list[Flowable]:
    names = ("shift", "workers", "active", "idle", "unseen", "productivity")
    rows = [
        [
            shift.shift,
            str(shift.workers),
            _hours(shift.active_hours),
            _hours(shift.idle_hours),
            _hours(shift.unseen_hours),
            _share(shift.productivity),
        ]
        for shift in report.shifts
    ]
    return _table(words["shifts"], [words[name] for name in names], rows)


def _people(report: DailyReport, words: dict[str, str]) -> list[Flowable]:
    names = ("worker", "sessions", "active", "idle", "productivity")
    rows = [
        [
            f"{worker.worker_name} ({worker.worker_id})",
            str(worker.sessions),
            _hours(worker.active_hours),
            _hours(worker.idle_hours),
            _share(worker.productivity),
        ]
        for worker in report.top_performers
    ]
    return _table(words["people"], [words[name] for name in names], rows)


def _issues(report: DailyReport, words: dict[str, str]) -> list[Flowable]:
    zone = ZoneInfo(report.timezone)
    rows = [
        [
            issue.timestamp.astimezone(zone).strftime("%H:%M"),
            issue.zone_id or issue.camera_id or "",
            issue.description + (f" — {issue.root_cause}" if issue.root_cause else ""),
        ]
        for issue in report.issues[:_MOST_ISSUES]
    ]
    names = [words["time"], words["zone"], words["what"]]
    return _table(words["issues"], names, rows, widths=(0.1, 0.22, 0.68))


def _table(
    title: str,
    names: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    widths: Sequence[float] = (),
) -> list[Flowable]:
    if not rows:
        return []
    rest = 0.64 / (len(names) - 1)
    shares = widths or [0.36, *[rest] * (len(names) - 1)]
    head = [Paragraph(escape(name), _HEAD) for name in names]
    body = [[Paragraph(escape(cell), _TEXT) for cell in row] for row in rows]
    table = Table([head, *body], colWidths=[_WIDTH * share for share in shares], repeatRows=1)
    table.setStyle(
        TableStyle(
            [
                ("LINEBELOW", (0, 0), (-1, 0), 0.8, _INK),
                ("LINEBELOW", (0, 1), (-1, -1), 0.3, _LINE),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LEFTPADDING", (0, 0), (0, -1), 0),
            ]
        )
    )
    return [Paragraph(title, _HEADING), table]


def _hours(hours: float) -> str:
    return f"{hours:.2f}"


def _share(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"
