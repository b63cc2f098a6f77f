"""What anomalies and questions mean, in words that an encoder can compare.

Names of zones and workers, days and figures say which one it was, not what it was: with them in it
a sentence is like another one that has the same digits.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from tracking.asking.answers import Facts
from tracking.asking.findings import CauseKind
from tracking.schemas.rules import RuleName

_MEANINGS: Final[Mapping[RuleName, str]] = {
    "idle_threshold": "Workers were idle and did not work",
    "excessive_idle": "Workers were idle and did not work",
    "zone_empty": "Nobody was there",
    "understaffed": "There were too few workers",
    "overcrowded": "There were too many people",
    "productivity_drop": "Work was slow, productivity was low",
    "camera_offline": "The camera was offline, there was no picture",
}
_CAUSES: Final[Mapping[CauseKind, RuleName]] = {
    "idle": "excessive_idle",
    "fewer_people": "understaffed",
}
_WORD: Final = re.compile(r"[^\s,.;:!?()]+")


def meaning_of_anomaly(row: Mapping[str, Any]) -> str:
    """What happened, and why where somebody has said it.

    Args:
        row: an anomaly's `anomaly_type` and `root_cause`.
    """
    cause = f". {row['root_cause']}" if row["root_cause"] else ""
    return f"{_MEANINGS[row['anomaly_type']]}{cause}"


def meaning_of_question(text: str, facts: Facts) -> str:
    """What was found to be the cause, and the question without codes, days and figures.

    "Why was it slow?" alone is like no anomaly; what it was slow for is.
    """
    kinds = [_CAUSES[cause.kind] for cause in facts.causes() if cause.kind in _CAUSES]
    kinds += [one["anomaly_type"] for one in facts.anomalies()]
    found = dict.fromkeys(_MEANINGS[kind] for kind in kinds)
    return ". ".join([*found, " ".join(_WORD.sub(_unless_a_code, text).split())])


def _unless_a_code(word: re.Match[str]) -> str:
    return "" if any(letter.isdigit() for letter in word[0]) else word[0]
