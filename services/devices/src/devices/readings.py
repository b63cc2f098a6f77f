"""One reading, and the list form of the documented REST endpoint (contract, chapter 8)."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from common.errors import ValidationFailed
from devices.numbers import BadNumber, exact
from devices.units import LONGEST as LONGEST_UNIT
from devices.units import normalised

MOST_ROWS: Final = 1_000
LONGEST_METRIC: Final = 100
LONGEST_TIME: Final = 40
GOOD, LATE, CLOCK_SKEW = 0, 1, 2
QUALITIES: Final = ("good", "late", "clock-skew")
_LATE_AFTER: Final = timedelta(minutes=5)
_SKEWED_AFTER: Final = timedelta(minutes=1)
_AHEAD: Final = timedelta(days=1)
_SHOWN_ERRORS: Final = 20
_BEYOND: Final = "Ensure this timestamp is not more than a day ahead."


class Reading(NamedTuple):
    """A value of a metric at a time; `value` is plain decimal digits, `unit` "" when unknown."""

    metric: str
    value: str
    unit: str
    timestamp: datetime
    quality: int


class BadReading(Exception):
    """A field of a reading is wrong."""

    def __init__(self, field: str, text: str) -> None:
        self.field = field
        self.text = text
        super().__init__(f"{field}: {text}")


class Bounds:
    """Which times are taken, seen from the moment of arrival."""

    def __init__(self, received_at: datetime, *, kept_days: int) -> None:
        self.received_at = received_at
        self._oldest = received_at - timedelta(days=kept_days)
        self._newest = received_at + _AHEAD
        self._late_before = received_at - _LATE_AFTER
        self._skewed_from = received_at + _SKEWED_AFTER
        self._kept_days = kept_days

    def quality(self, timestamp: datetime) -> int:
        """The flag of a reading with this time.

        Raises:
            BadReading: the time is more than a day ahead, or older than anything that is kept.
        """
        if timestamp >= self._late_before:
            if timestamp <= self._skewed_from:
                return GOOD
            if timestamp > self._newest:
                raise BadReading("timestamp", _BEYOND)
            return CLOCK_SKEW
        if timestamp < self._oldest:
            text = f"Ensure this timestamp is within the last {self._kept_days} days."
            raise BadReading("timestamp", text)
        return LATE

    def qualities(self, timestamps: Sequence[datetime]) -> list[int]:
        """The flag of each of these times, which ascend; there is at least one.

        Raises:
            BadReading: one of them is not taken.
        """
        first, last = timestamps[0], timestamps[-1]
        if self._late_before <= first and last <= self._skewed_from:
            return [GOOD] * len(timestamps)
        if self._oldest <= first and last < self._late_before:
            return [LATE] * len(timestamps)
        return [self.quality(timestamp) for timestamp in timestamps]


def metric_name(name: object) -> str:
    """A metric's name without outer spaces.

    Raises:
        BadReading: no text, blank, too long or with control characters.
    """
    if not isinstance(name, str):
        raise BadReading("metric", "Not a valid string.")
    stripped = name.strip()
    if not stripped:
        raise BadReading("metric", "This field may not be blank.")
    if len(stripped) > LONGEST_METRIC:
        text = f"Ensure this field has no more than {LONGEST_METRIC} characters."
        raise BadReading("metric", text)
    if not stripped.isprintable():
        raise BadReading("metric", "Control characters are not allowed.")
    return stripped


def unit_symbol(unit: object) -> str:
    """A unit's symbol, "" for none.

    Raises:
        BadReading: no text, too long or with control characters.
    """
    if unit is None or unit == "":
        return ""
    if not isinstance(unit, str):
        raise BadReading("unit", "Not a valid string.")
    if len(unit) > LONGEST_UNIT:
        raise BadReading("unit", f"Ensure this field has no more than {LONGEST_UNIT} characters.")
    if not unit.isprintable():
        raise BadReading("unit", "Control characters are not allowed.")
    return normalised(unit)


def moment(text: object) -> datetime:
    """An RFC 3339 time in UTC.

    Raises:
        BadReading: not such a time, or one without a zone.
    """
    if isinstance(text, str) and len(text) <= LONGEST_TIME:
        try:
            when = datetime.fromisoformat(text)
            if when.tzinfo is UTC:
                return when
            if when.tzinfo is not None and "T" in text.upper():
                return when.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise BadReading("timestamp", "Datetime has wrong format. Use RFC 3339 with a zone.")


class _Seen:
    """Names and units of one list that have been looked at: most rows repeat them."""

    __slots__ = ("metrics", "units")

    def __init__(self) -> None:
        self.metrics: dict[Any, str] = {}
        self.units: dict[Any, str] = {}

    def metric(self, name: object) -> str:
        if type(name) is not str:
            return metric_name(name)
        known = self.metrics.get(name)
        if known is None:
            known = self.metrics[name] = metric_name(name)
        return known

    def unit(self, unit: object) -> str:
        if type(unit) is not str:
            return unit_symbol(unit)
        known = self.units.get(unit)
        if known is None:
            known = self.units[unit] = unit_symbol(unit)
        return known


def parse_reading(item: Any, bounds: Bounds, seen: _Seen) -> Reading:
    """One object of the list form.

    Raises:
        BadReading: a field is missing or wrong.
    """
    if type(item) is not dict:
        kind = type(item).__name__
        raise BadReading("", f"Invalid data. Expected a dictionary, but got {kind}.")
    if "metric" not in item:
        raise BadReading("metric", "This field is required.")
    if "value" not in item:
        raise BadReading("value", "This field is required.")
    metric = seen.metric(item["metric"])
    try:
        value = exact(item["value"])
    except BadNumber as error:
        raise BadReading("value", str(error)) from error
    unit = seen.unit(item.get("unit"))
    given = item.get("timestamp")
    if given is None:
        return Reading(metric, value, unit, bounds.received_at, GOOD)
    timestamp = moment(given)
    return Reading(metric, value, unit, timestamp, bounds.quality(timestamp))


def parse_readings(content: Any, bounds: Bounds) -> Sequence[Reading]:
    """One object or a list of up to 1,000, taken whole or not at all.

    Raises:
        ValidationFailed: something is wrong; in a list each field's name starts with the index.
    """
    if not isinstance(content, list):
        try:
            return [parse_reading(content, bounds, _Seen())]
        except BadReading as error:
            name = error.field or "non_field_errors"
            raise ValidationFailed(fields={name: [error.text]}) from error
    if not content:
        raise ValidationFailed(fields={"non_field_errors": ["This list may not be empty."]})
    if len(content) > MOST_ROWS:
        text = f"Ensure this list has no more than {MOST_ROWS} readings; it has {len(content)}."
        raise ValidationFailed(fields={"non_field_errors": [text]})
    try:
        seen = _Seen()
        return [parse_reading(item, bounds, seen) for item in content]
    except BadReading:
        raise ValidationFailed(fields=_all_errors(content, bounds)) from None


def _all_errors(content: list[Any], bounds: Bounds) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = {}
    for index, item in enumerate(content):
        try:
            parse_reading(item, bounds, _Seen())
        except BadReading as error:
            errors[f"{index}.{error.field or 'non_field_errors'}"] = [error.text]
            if len(errors) == _SHOWN_ERRORS:
                break
    return errors
