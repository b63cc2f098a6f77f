"""How far apart two named places are, for the strategy `nearest` (contract, chapter 5)."""

import math
import re
from typing import Final

_COORDINATES: Final = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*[,;]\s*(-?\d+(?:\.\d+)?)\s*")
_LEVELS: Final = re.compile(r"\s*[/>\\|,]\s*")
_WORDS: Final = re.compile(r"\w+")


def distance(one: str, other: str) -> float:
    """0.0 for the same place; below 1.0 the more the names share; 1.0 for strangers.

    Two pairs of coordinates are as far apart as they are. Otherwise a place is a path from the
    site down to the station (`Plant 1 / Line A / Station 3`): sharing its beginning is near,
    sharing words only is farther.
    """
    here, there = _COORDINATES.fullmatch(one), _COORDINATES.fullmatch(other)
    if here and there:
        return math.dist([float(n) for n in here.groups()], [float(n) for n in there.groups()])
    first, second = _path(one), _path(other)
    if first == second:
        return 0.0
    longest = max(len(first), len(second))
    shared = _shared_beginning(first, second) / longest if longest else 0.0
    return 1.0 - 0.75 * shared - 0.2 * _shared_words(one, other)


def _path(name: str) -> list[str]:
    return [level for level in _LEVELS.split(name.strip().casefold()) if level]


def _shared_beginning(first: list[str], second: list[str]) -> int:
    shared = 0
    for mine, yours in zip(first, second, strict=False):
        if mine != yours:
            break
        shared += 1
    return shared


def _shared_words(one: str, other: str) -> float:
    first, second = (set(_WORDS.findall(name.casefold())) for name in (one, other))
    return len(first & second) / len(first | second) if first | second else 0.0
