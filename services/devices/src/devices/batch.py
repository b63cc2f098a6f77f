"""Readings of one request as columns, in the order of their times: what the store takes in.

Python spends more on a row than PostgreSQL does, so the usual list is judged column by column, in
loops that run in C. Whatever is unusual or wrong in it is left to `parse_readings`, whose errors
name the row.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from operator import attrgetter
from typing import Any, Final, Self

import orjson

from devices.numbers import BadNumber, exact
from devices.readings import (
    MOST_ROWS,
    BadReading,
    Bounds,
    Reading,
    metric_name,
    moment,
    unit_symbol,
)

_HOUR: Final = timedelta(hours=1)
_NUMBERS: Final = frozenset({float, int})
# Up to these lengths a number without an exponent has at most ten digits on each side.
_SAFE_FLOAT: Final = 12
_SAFE_INTEGER: Final = 10
# With at most six digits of a second Python and PostgreSQL read the same moment.
_PLAIN_UTC: Final = frozenset(
    b"0000-00-00T00:00:00" + (b"." + b"0" * digits if digits else b"") + zone
    for digits in range(7)
    for zone in (b"Z", b"+00:00")
)
_ANY_DIGIT: Final = bytes.maketrans(b"123456789", b"000000000")
_timestamp: Final = attrgetter("timestamp")


@dataclass(frozen=True)
class Batch:
    """Columns of one length; times ascend, and rows of one time stay as they came.

    `sent` are the times as they came, where PostgreSQL reads them as we do.
    """

    metrics: Sequence[str]
    values: Sequence[str]
    units: Sequence[str]
    times: Sequence[datetime]
    qualities: Sequence[int]
    sent: Sequence[str] = ()

    @classmethod
    def of(cls, readings: Sequence[Reading]) -> Self:
        """These readings."""
        if not readings:
            return cls((), (), (), (), ())
        metrics, values, units, times, qualities = zip(
            *sorted(readings, key=_timestamp), strict=True
        )
        return cls(metrics, values, units, times, qualities)

    def __len__(self) -> int:
        return len(self.times)

    @cached_property
    def first(self) -> dict[str, int]:
        """By metric, where its first reading is."""
        return dict(zip(reversed(self.metrics), range(len(self) - 1, -1, -1), strict=True))

    @cached_property
    def last(self) -> dict[str, int]:
        """By metric, where its last reading is."""
        return dict(zip(self.metrics, range(len(self)), strict=True))

    def row(self, index: int) -> Reading:
        """One reading."""
        return Reading(
            self.metrics[index],
            self.values[index],
            self.units[index],
            self.times[index],
            self.qualities[index],
        )

    def written_times(self) -> Sequence[str]:
        """The times as PostgreSQL reads them."""
        # orjson writes times several times as fast as isoformat does.
        return self.sent or orjson.dumps(self.times)[2:-2].decode().split('","')

    def hours(self) -> Iterator[tuple[datetime, set[str]]]:
        """Every hour with readings, and the metrics that have some in it."""
        if not self.times:
            return
        start = 0
        while start < len(self):
            hour = self.times[start].replace(minute=0, second=0, microsecond=0)
            end = self._end_before(hour + _HOUR, start)
            yield hour, set(self.last if end - start == len(self) else self.metrics[start:end])
            start = end

    def _end_before(self, time: datetime, start: int) -> int:
        if self.times[-1] < time:
            return len(self)
        return next(i for i in range(start, len(self)) if self.times[i] >= time)


def plain_batch(content: Any, bounds: Bounds) -> Batch | None:
    """The documented list form, or one object of it; None when something is unusual or wrong."""
    rows = content if type(content) is list else [content]
    if not 0 < len(rows) <= MOST_ROWS:
        return None
    try:
        return _columns(rows, bounds)
    except (KeyError, TypeError, AttributeError, ValueError, BadReading, BadNumber):
        return None


def _columns(rows: list[Any], bounds: Bounds) -> Batch:
    metrics = _each_once([row["metric"] for row in rows], metric_name)
    values = _digits([row["value"] for row in rows])
    units = _each_once([row.get("unit") for row in rows], unit_symbol)
    given = [row.get("timestamp") for row in rows]
    sent = given if _are_plain_utc(given) else []
    times = list(map(datetime.fromisoformat, sent)) or _times(given, bounds.received_at)
    ordered = sorted(times)
    if ordered != times:
        order = sorted(range(len(times)), key=times.__getitem__)
        metrics, values, units = ([column[i] for i in order] for column in (metrics, values, units))
        sent = [sent[i] for i in order] if sent else sent
    return Batch(metrics, values, units, ordered, bounds.qualities(ordered), sent)


def _each_once(column: list[Any], judge: Callable[[object], str]) -> list[str]:
    """The column, with each different item judged once: most rows repeat them."""
    judged = {item: judge(item) for item in set(column)}
    if len(judged) == 1:
        return list(judged.values()) * len(column)
    if all(item == result for item, result in judged.items()):
        return column
    return [judged[item] for item in column]


def _digits(values: list[Any]) -> list[str]:
    kinds = set(map(type, values))
    if kinds <= _NUMBERS:
        written = orjson.dumps(values)[1:-1].decode()
        texts = written.split(",")
        safe = _SAFE_INTEGER if int in kinds else _SAFE_FLOAT
        if "e" not in written and max(map(len, texts)) <= safe:
            return texts
    return [exact(value) for value in values]


def _are_plain_utc(given: list[Any]) -> bool:
    """True for texts of shapes that need no second look."""
    if None in given:
        return False
    shapes = "\n".join(given).encode().translate(_ANY_DIGIT).split(b"\n")
    return _PLAIN_UTC.issuperset(shapes)


def _times(given: list[Any], received_at: datetime) -> list[datetime]:
    return [received_at if text is None else moment(text) for text in given]
