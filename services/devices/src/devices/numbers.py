"""Numbers as they arrive, kept exact to ten places (contract, chapter 8).

orjson reads numbers as binary floats: up to 15 digits their shortest form is what was sent. A body
with a longer number is read again by the slower parser, digit by digit.
"""

import json
import re
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any, Final, NoReturn

import orjson

# Every digit and point becomes 0, all else a space: a long number is then found by memory search,
# twenty times as fast as by a pattern.
_DIGITS: Final = bytes(0x30 if chr(byte) in "0123456789." else 0x20 for byte in range(256))
_LONG_NUMBER: Final = b"0" * 16
_NUMERIC: Final = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?\s*", re.ASCII)
_PLACES: Final = Decimal("1e-10")
_LIMIT: Final = Decimal(10) ** 10
_CONTEXT: Final = Context(prec=40, rounding=ROUND_HALF_EVEN)
_EXACT_PLACES: Final = 10
_LONGEST_TEXT: Final = 64

NOT_A_NUMBER: Final = "A valid number is required."
TOO_LARGE: Final = "Ensure that there are no more than 10 digits before the decimal point."


class BadNumber(Exception):
    """The value is no number that can be kept; the text says why."""


class NotNumeric(BadNumber):
    """The value is no number at all, so telemetry may pass over it."""


def loads_exact(body: bytes) -> Any:
    """The JSON document, with numbers as int, float or, where a float would lose digits, Decimal.

    Raises:
        json.JSONDecodeError: not JSON, or with NaN, Infinity or NUL.
    """
    if b"\\u0000" in body:
        raise json.JSONDecodeError("a NUL character is not allowed in text", "", 0)
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise json.JSONDecodeError(error.msg, "", error.pos) from error
    if _LONG_NUMBER not in body.translate(_DIGITS):
        return content
    return json.loads(body, parse_float=Decimal, parse_int=_integer, parse_constant=_refuse)


def _integer(digits: str) -> int | Decimal:
    # int() of a text with thousands of digits is refused by Python itself.
    return int(digits) if len(digits) < _LONGEST_TEXT else Decimal(digits)


def _refuse(constant: str) -> NoReturn:
    raise json.JSONDecodeError(f"{constant} is not a number", "", 0)


def exact(value: object) -> str:
    """The value as plain decimal digits, rounded half to even at ten places.

    Raises:
        NotNumeric: text that is no number, an object, a list or null.
        BadNumber: more than ten digits before the point.
    """
    kind = type(value)
    if kind is float:
        text = repr(value)
        point = text.find(".")
        if "e" not in text and point <= 10 and len(text) - point - 1 <= _EXACT_PLACES:
            return text
        return _rounded(Decimal(text))
    if kind is int:
        assert isinstance(value, int)
        if -_LIMIT < value < _LIMIT:
            return str(value)
        raise BadNumber(TOO_LARGE)
    if kind is bool:
        return "1" if value else "0"
    if isinstance(value, Decimal):
        return _rounded(value)
    if isinstance(value, str) and len(value) <= _LONGEST_TEXT and _NUMERIC.fullmatch(value):
        return _rounded(Decimal(value.strip()))
    raise NotNumeric(NOT_A_NUMBER)


def _rounded(number: Decimal) -> str:
    if number.adjusted() > 12:
        raise BadNumber(TOO_LARGE)
    if number.adjusted() < -20:
        return "0"
    rounded = number.quantize(_PLACES, context=_CONTEXT)
    if abs(rounded) >= _LIMIT:
        raise BadNumber(TOO_LARGE)
    return format(rounded, "f")
