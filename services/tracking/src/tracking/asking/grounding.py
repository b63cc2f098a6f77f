"""Only numbers that a source shows may be said: the guard between a language model and a reader."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

_NUMBER: Final = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?")
_END: Final = re.compile(r"(?<=[.!?。])\s+|\n+")
_THAI_DIGITS: Final = str.maketrans("๐๑๒๓๔๕๖๗๘๙", "0123456789")
# Such small counts number the points of a list.
_LIST: Final = re.compile(r"^\s*\d{1,2}[.)]\s+")


def numbers_in(text: str) -> set[str]:
    """The numbers that a text says, without list numbers, in one spelling."""
    plain = text.translate(_THAI_DIGITS)
    lines = (_LIST.sub("", line) for line in plain.split("\n"))
    return {_spelled(match[0]) for line in lines for match in _NUMBER.finditer(line)}


def numbers_shown(values: Any) -> set[str]:
    """The numbers that sources show, whatever they are nested in."""
    if isinstance(values, dict):
        return set().union(*(numbers_shown(value) for value in values.values()), set())
    if isinstance(values, list | tuple):
        return set().union(*(numbers_shown(value) for value in values), set())
    if isinstance(values, bool) or values is None:
        return set()
    if isinstance(values, int | float):
        return {_spelled(repr(values)), _spelled(f"{values:.0f}"), _spelled(f"{values:.1f}")}
    return numbers_in(str(values)) | {_spelled(part) for part in re.findall(r"\d+", str(values))}


def _spelled(number: str) -> str:
    text = number.replace(",", "")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.lstrip("0") or "0"


def sentences(chunks: Iterable[str]) -> Iterator[str]:
    """Whole sentences from a text that comes in pieces."""
    waiting = ""
    for chunk in chunks:
        waiting += chunk
        *whole, waiting = _split(waiting)
        yield from whole
    if waiting:
        yield waiting


def _split(text: str) -> list[str]:
    parts, start = [], 0
    for match in _END.finditer(text):
        parts.append(text[start : match.end()])
        start = match.end()
    return [*parts, text[start:]]


def is_grounded(sentence: str, shown: set[str]) -> bool:
    """True when every number of a sentence is shown by a source."""
    return numbers_in(sentence) <= shown
