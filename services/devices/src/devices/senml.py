"""SenML in JSON (RFC 8428): records with base fields, resolved to readings."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from common.errors import ValidationFailed
from devices.numbers import BadNumber, exact
from devices.readings import MOST_ROWS, BadReading, Bounds, Reading, metric_name, unit_symbol
from devices.telemetry import Telemetry

MEDIA_TYPE: Final = "application/senml+json"
_VERSION: Final = 10
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# Times below this are seconds from now (RFC 8428, section 4.5.3).
_RELATIVE_BELOW: Final = 2**28
_UNDERSTOOD: Final = frozenset(
    {"bn", "bt", "bu", "bv", "bs", "bver", "n", "u", "v", "vs", "vb", "vd", "s", "t", "ut"}
)


class _Pack:
    """The base fields in force while a pack is read."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.name, self.unit = "", ""
        self.time, self.value = Decimal(0), Decimal(0)

    def adopt(self, record: dict[str, Any]) -> None:
        unknown = [key for key in record if key.endswith("_") and key not in _UNDERSTOOD]
        if unknown:
            raise BadReading(unknown[0], "This field must be understood, and it is not.")
        if record.get("bver", _VERSION) not in range(1, _VERSION + 1):
            raise BadReading("bver", f"Versions up to {_VERSION} are understood.")
        self.name = _text(record, "bn", self.name)
        self.unit = _text(record, "bu", self.unit)
        self.time = _number(record, "bt", self.time)
        self.value = _number(record, "bv", self.value)

    def reading(self, record: dict[str, Any]) -> Reading | None:
        if "vb" in record:
            value: object = record["vb"]
            if not isinstance(value, bool):
                raise BadReading("vb", "Not a valid boolean.")
        elif "v" in record:
            value = _number(record, "v", Decimal(0)) + self.value
        else:
            return None
        try:
            digits = exact(value)
        except BadNumber as error:
            raise BadReading("v", str(error)) from error
        timestamp = self._moment(_number(record, "t", Decimal(0)) + self.time)
        name = metric_name(self.name + _text(record, "n", ""))
        unit = unit_symbol(_text(record, "u", self.unit))
        return Reading(name, digits, unit, timestamp, self.bounds.quality(timestamp))

    def _moment(self, seconds: Decimal) -> datetime:
        start = self.bounds.received_at if seconds < _RELATIVE_BELOW else _EPOCH
        try:
            return start + timedelta(microseconds=int(seconds * 1_000_000))
        except OverflowError as error:
            raise BadReading("t", "The time is out of range.") from error


def parse_senml(content: Any, bounds: Bounds) -> Telemetry:
    """The readings of a SenML pack, taken whole or not at all; text and data values are ignored.

    Raises:
        ValidationFailed: not a pack; names the record and its field.
    """
    if not isinstance(content, list) or not 0 < len(content) <= MOST_ROWS:
        text = f"A SenML pack is a list of 1 to {MOST_ROWS} records."
        raise ValidationFailed(fields={"non_field_errors": [text]})
    pack = _Pack(bounds)
    readings: list[Reading] = []
    ignored = 0
    for index, record in enumerate(content):
        try:
            if not isinstance(record, dict):
                raise BadReading("non_field_errors", "A record must be an object.")
            pack.adopt(record)
            reading = pack.reading(record)
        except BadReading as error:
            raise ValidationFailed(fields={f"{index}.{error.field}": [error.text]}) from error
        if reading is not None:
            readings.append(reading)
        elif "vs" in record or "vd" in record:
            ignored += 1
    return Telemetry(readings, ignored)


def _text(record: dict[str, Any], field: str, default: str) -> str:
    value = record.get(field, default)
    if not isinstance(value, str):
        raise BadReading(field, "Not a valid string.")
    return value


def _number(record: dict[str, Any], field: str, default: Decimal) -> Decimal:
    value = record.get(field, default)
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise BadReading(field, "A valid number is required.")
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
