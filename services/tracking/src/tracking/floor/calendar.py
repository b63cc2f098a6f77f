"""The factory's day as arithmetic: indices, shifts, working time, days and periods. Pure.

All are reckoned on the wall clock of a named zone; days that are 23 or 25 hours long are so here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class ShiftHours:
    """A shift of named weekdays, 1 is Monday; over midnight when it ends before it starts."""

    name: str
    start: time
    end: time
    days: frozenset[int]


@dataclass(frozen=True, slots=True)
class IndexSpan:
    """One index (takt) of a day."""

    number: int
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Calendar:
    """When the factory works."""

    zone: ZoneInfo
    index_start: time = time(8)
    index_minutes: int = 57
    total_indices: int = 11
    shifts: Sequence[ShiftHours] = field(default=())

    def day_of(self, moment: datetime) -> date:
        """The day on the factory's calendar."""
        return moment.astimezone(self.zone).date()

    def start_of(self, day: date) -> datetime:
        """Midnight at a day's start."""
        return _at(day, time(0), self.zone)

    def bounds(self, first: date, last: date) -> tuple[datetime, datetime]:
        """From the first day's midnight to the midnight after the last."""
        return self.start_of(first), self.start_of(last + timedelta(days=1))

    def indices(self, day: date) -> list[IndexSpan]:
        """The indices that start from this day's `index_start`."""
        start = _at(day, self.index_start, self.zone)
        step = timedelta(minutes=self.index_minutes)
        return [
            IndexSpan(number + 1, start + number * step, start + (number + 1) * step)
            for number in range(self.total_indices)
        ]

    def index_at(self, moment: datetime) -> IndexSpan | None:
        """The index under way; None outside of the schedule."""
        today = self.day_of(moment)
        for day in (today, today - timedelta(days=1)):
            start = _at(day, self.index_start, self.zone)
            number = int((moment - start).total_seconds() // (self.index_minutes * 60))
            if 0 <= number < self.total_indices:
                return self.indices(day)[number]
        return None

    def shift_at(self, moment: datetime) -> str | None:
        """The shift under way; the first one that holds."""
        for shift, start, end in self._shifts_around(moment):
            if start <= moment < end:
                return shift.name
        return None

    def shifts_of(self, day: date) -> list[tuple[str, datetime, datetime]]:
        """The shifts that begin on this day, each whole."""
        return [
            (shift.name, start, end)
            for shift, start, end in self._shifts_around(self.start_of(day) + timedelta(hours=12))
            if self.day_of(start) == day
        ]

    def is_working(self, moment: datetime) -> bool:
        """True within the indices, and within a shift where there are any."""
        if self.index_at(moment) is None:
            return False
        return not self.shifts or self.shift_at(moment) is not None

    def working_until(self, moment: datetime) -> tuple[bool, datetime]:
        """Whether it is working time, and until when that is so at least."""
        edges = [
            edge
            for day in (-1, 0, 1, 2)
            for span in self.indices(self.day_of(moment) + timedelta(days=day))
            for edge in (span.start, span.end)
        ]
        edges += [edge for _, *both in self._shifts_around(moment) for edge in both]
        ahead = [edge for edge in edges if edge > moment]
        return self.is_working(moment), min(ahead, default=moment + timedelta(hours=1))

    def works_on(self, day: date, shift: str | None) -> bool:
        """True when this shift (or any, or the factory without shifts) works on this weekday."""
        named = [one for one in self.shifts if shift in (None, one.name)] or self.shifts
        if not named:
            return day.isoweekday() <= 5
        return any(day.isoweekday() in one.days for one in named)

    def _shifts_around(self, moment: datetime) -> Iterator[tuple[ShiftHours, datetime, datetime]]:
        today = self.day_of(moment)
        for shift in self.shifts:
            for day in (today - timedelta(days=1), today, today + timedelta(days=1)):
                if day.isoweekday() in shift.days:
                    over = timedelta(days=shift.end <= shift.start)
                    start = _at(day, shift.start, self.zone)
                    yield shift, start, _at(day + over, shift.end, self.zone)


def _at(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """A wall clock's time as a moment; one that a clock change skips is the moment after it."""
    return datetime.combine(day, clock, zone).astimezone(UTC)
