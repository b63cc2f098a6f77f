"""The four JSON forms in which ThingsBoard's devices send telemetry, by HTTP and by MQTT.

`{"k": v}`, `[{"k": v}, …]`, `{"ts": ms, "values": {…}}` and `[{"ts": ms, "values": {…}}, …]`;
the two kinds do not mix within a list. Times are milliseconds since the epoch.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from common.errors import BadRequest
from devices.numbers import BadNumber, NotNumeric, exact
from devices.readings import GOOD, MOST_ROWS, BadReading, Bounds, Reading, metric_name

MOST_READINGS: Final = 5_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Telemetry(NamedTuple):
    """What a message holds, and how many of its values were passed over."""

    readings: list[Reading]
    ignored: int


def parse_telemetry(content: Any, bounds: Bounds) -> Telemetry:
    """The readings of one message, taken whole or not at all.

    Raises:
        BadRequest: none of the four forms, a number or a time out of range; names the element.
    """
    elements = content if isinstance(content, list) else [content]
    if len(elements) > MOST_ROWS:
        raise _wrong(None, "", f"a list holds at most {MOST_ROWS} elements")
    readings: list[Reading] = []
    ignored = 0
    is_timed = _is_timed(elements[0]) if elements else False
    for index, element in enumerate(elements):
        place = index if isinstance(content, list) else None
        if not isinstance(element, dict):
            raise _wrong(place, "", "must be an object of keys and values")
        if _is_timed(element) != is_timed:
            raise _wrong(place, "", "elements with and without ts and values do not mix")
        try:
            ignored += _read(element, readings, is_timed=is_timed, bounds=bounds)
        except BadReading as error:
            raise _wrong(place, error.field, error.text) from error
    if len(readings) > MOST_READINGS:
        raise _wrong(None, "", f"a message holds at most {MOST_READINGS} values")
    return Telemetry(readings, ignored)


def _is_timed(element: Any) -> bool:
    return isinstance(element, dict) and "ts" in element and "values" in element


def _read(
    element: dict[str, Any], readings: list[Reading], *, is_timed: bool, bounds: Bounds
) -> int:
    timestamp, quality, values = bounds.received_at, GOOD, element
    if is_timed:
        values = element["values"]
        if not isinstance(values, dict):
            raise BadReading("values", "must be an object of keys and values")
        timestamp = _from_milliseconds(element["ts"])
        quality = bounds.quality(timestamp)
    ignored = 0
    for key, value in values.items():
        try:
            digits = exact(value)
        except NotNumeric:
            ignored += 1
            continue
        except BadNumber as error:
            raise BadReading(key[:100], str(error)) from error
        readings.append(Reading(metric_name(key), digits, "", timestamp, quality))
    return ignored


def _from_milliseconds(ts: Any) -> datetime:
    if isinstance(ts, bool) or not isinstance(ts, int):
        raise BadReading("ts", "must be whole milliseconds since 1970")
    try:
        return _EPOCH + timedelta(milliseconds=ts)
    except OverflowError as error:
        raise BadReading("ts", "is out of range") from error


def _wrong(index: int | None, field: str, text: str) -> BadRequest:
    where = ".".join(str(part) for part in (index, field or None) if part is not None)
    message = f"Invalid telemetry at {where}: {text}" if where else f"Invalid telemetry: {text}"
    details = {} if index is None else {"index": index}
    return BadRequest(message, details=details, fields={where or "body": [text]})
