"""Of which days a question speaks, in three languages, on the factory's calendar."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

_ISO: Final = re.compile(r"(?<!\d)(\d{4})-(\d{1,2})-(\d{1,2})(?!\d)")
_SLASHED: Final = re.compile(r"(?<!\d)(\d{1,2})/(\d{1,2})/(\d{4})(?!\d)")
_LAST_DAYS: Final = re.compile(
    r"(?:last|past|últimos|ultimos)\s+(\d{1,6})\s+(?:days|dias)|(\d{1,6})\s*วัน(?:ที่ผ่านมา|ล่าสุด)",
    re.IGNORECASE,
)
_MOST_DAYS: Final = 366
# Buddhist years are written in Thailand: 2568 is 2025.
_BUDDHIST: Final = 543
_FIRST_YEAR: Final = 2000


class NoSuchPeriod(Exception):
    """The question speaks of days that do not exist, or have not come."""


@dataclass(frozen=True, slots=True)
class Period:
    """From a first to a last day, both included, and how it was called."""

    first: date
    last: date
    name: str

    @property
    def days(self) -> int:
        """How many."""
        return (self.last - self.first).days + 1


def _week(today: date) -> tuple[date, date]:
    return today - timedelta(days=today.weekday()), today


def _last_week(today: date) -> tuple[date, date]:
    monday = today - timedelta(days=today.weekday() + 7)
    return monday, monday + timedelta(days=6)


def _month(today: date) -> tuple[date, date]:
    return today.replace(day=1), today


def _last_month(today: date) -> tuple[date, date]:
    last = today.replace(day=1) - timedelta(days=1)
    return last.replace(day=1), last


def _yesterday(today: date) -> tuple[date, date]:
    day = today - timedelta(days=1)
    return day, day


# The longer phrase comes first where one lies in another.
_NAMED: Final[tuple[tuple[str, str, Callable[[date], tuple[date, date]]], ...]] = (
    ("last_week", r"last week|semana passada|สัปดาห์ที่แล้ว|สัปดาห์ก่อน|อาทิตย์ที่แล้ว", _last_week),
    ("last_month", r"last month|m[êe]s passado|เดือนที่แล้ว|เดือนก่อน", _last_month),
    ("this_week", r"this week|esta semana|nesta semana|สัปดาห์นี้|อาทิตย์นี้", _week),
    ("this_month", r"this month|este m[êe]s|neste m[êe]s|เดือนนี้", _month),
    ("yesterday", r"yesterday|\bontem\b|เมื่อวาน", _yesterday),
    ("today", r"\btoday\b|\bhoje\b|วันนี้", lambda today: (today, today)),
)


def period_of(text: str, today: date) -> Period:
    """The days that a question names; today where it names none.

    Raises:
        NoSuchPeriod: a date that no calendar has, the future, or an end before its start.
    """
    dates = _dates(text)
    if dates:
        first, last = dates[0], dates[-1]
        if last < first:
            raise NoSuchPeriod(f"The period ends on {last}, before it starts on {first}.")
        name = "day" if first == last else "range"
        return _checked(Period(first, last, name), today)
    if match := _LAST_DAYS.search(text):
        count = int(match[1] or match[2])
        if not 1 <= count <= _MOST_DAYS:
            raise NoSuchPeriod(f"A period has from 1 to {_MOST_DAYS} days, not {count}.")
        return Period(today - timedelta(days=count - 1), today, "range")
    for name, pattern, span in _NAMED:
        if re.search(pattern, text, re.IGNORECASE):
            return Period(*span(today), name)
    return Period(today, today, "today")


def _dates(text: str) -> list[date]:
    found = [(m.start(), m[1], m[2], m[3]) for m in _ISO.finditer(text)]
    found += [(m.start(), m[3], m[2], m[1]) for m in _SLASHED.finditer(text)]
    return [_date(int(year), int(month), int(day)) for _, year, month, day in sorted(found)]


def _date(year: int, month: int, day: int) -> date:
    western = year - _BUDDHIST if year >= _FIRST_YEAR + _BUDDHIST - 50 else year
    try:
        found = date(western, month, day)
    except ValueError as error:
        raise NoSuchPeriod(f"There is no day {year:04}-{month:02}-{day:02}.") from error
    if found.year < _FIRST_YEAR:
        raise NoSuchPeriod(f"Nothing is known of the year {year}.")
    return found


def _checked(period: Period, today: date) -> Period:
    if period.last > today:
        raise NoSuchPeriod(f"{period.last} has not come yet.")
    if period.days > _MOST_DAYS:
        raise NoSuchPeriod(f"A period has at most {_MOST_DAYS} days, this has {period.days}.")
    return period
