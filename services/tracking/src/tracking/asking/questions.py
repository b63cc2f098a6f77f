"""What is asked, and of whom: intent and entities, by words in three languages."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from tracking.asking.languages import Language, language_of
from tracking.asking.periods import Period, period_of

Intent = Literal["performance", "idle", "presence", "alerts", "ranking", "cameras", "summary"]
_INTENTS: Final[tuple[tuple[Intent, str], ...]] = (
    ("cameras", r"\bcameras?\b|câmeras?|กล้อง|unseen|coverage|cobertura|não vist|มองไม่เห็น"),
    (
        "alerts",
        r"alert|alarm|anomal|problem|issue|incident|alerta|ocorrênci|แจ้งเตือน|ผิดปกติ|ปัญหา",
    ),
    (
        "presence",
        r"who is|who are|how many (people|workers)|right now|currently|quem está|quantas pessoas|"
        r"quantos trabalhadores|agora|ใครอยู่|กี่คน|ตอนนี้|ขณะนี้",
    ),
    (
        "ranking",
        r"\bbest\b|worst|most productive|least productive|\btop\b|rank|melhor|pior|mais produtiv|"
        r"menos produtiv|ดีที่สุด|แย่ที่สุด|มากที่สุด|น้อยที่สุด|อันดับ",
    ),
    ("idle", r"\bidle|standing still|ocios|parad[oa]|ว่างงาน|อยู่เฉย|เวลาว่าง|idle time"),
    (
        "performance",
        r"why|slow|perform|productiv|efficien|analy[sz]|por que|porqu[eê]|lent[oa]|desempenho|"
        r"produtiv|eficiên|analis|ทำไม|ช้า|ประสิทธิภาพ|วิเคราะห์|ผลงาน|ทำงานเป็น",
    ),
)
_ID: Final = re.compile(r"(?<![\w-])([A-Za-z][A-Za-z0-9_.:-]*\d[A-Za-z0-9_.:-]*)(?![\w-])")


@dataclass(frozen=True, slots=True)
class Question:
    """A question as the facts are gathered for it."""

    text: str
    language: Language
    intent: Intent
    period: Period
    zone_id: str | None = None
    worker_id: str | None = None
    unknown_id: str | None = None


def understood(
    text: str,
    *,
    language: Language | None,
    today: date,
    zones: Mapping[str, str],
    workers: Mapping[str, str],
) -> Question:
    """Read a question.

    Args:
        text: as it was asked.
        language: of the answer; that of the question where None.
        today: on the factory's calendar.
        zones: names by id.
        workers: names by id.

    Raises:
        NoSuchPeriod: it speaks of days that do not exist.
    """
    zone_id, worker_id = _named(text, zones), _named(text, workers)
    found = [one for one in _ID.findall(text) if one not in (zone_id, worker_id)]
    strange = [one for one in found if re.fullmatch(r"[ZzWw]-?\d+", one)]
    is_unknown = zone_id is None and worker_id is None and bool(strange)
    return Question(
        text=text,
        language=language or language_of(text),
        intent=_intent(text, is_about_one=zone_id is not None or worker_id is not None),
        period=period_of(text, today),
        zone_id=zone_id,
        worker_id=worker_id,
        unknown_id=strange[0] if is_unknown else None,
    )


def _intent(text: str, *, is_about_one: bool) -> Intent:
    for intent, pattern in _INTENTS:
        if re.search(pattern, text, re.IGNORECASE):
            return intent
    return "performance" if is_about_one else "summary"


def _named(text: str, names: Mapping[str, str]) -> str | None:
    """The id whose id or name stands in the text; the longest one, so that Z1 is not Z10."""
    lowered = text.lower()
    found: list[tuple[int, str]] = []
    for identity, name in names.items():
        for word in (identity.lower(), name.lower()):
            if len(word) > 1 and word in lowered and _stands_alone(word, lowered):
                found.append((len(word), identity))
    return max(found)[1] if found else None


def _stands_alone(word: str, text: str) -> bool:
    """Thai puts no spaces between words: only letters and digits of the same script bind."""
    place = text.find(word)
    while place >= 0:
        before, after = text[place - 1 : place], text[place + len(word) : place + len(word) + 1]
        if not (_binds(before, word[0]) or _binds(after, word[-1])):
            return True
        place = text.find(word, place + 1)
    return False


def _binds(neighbour: str, edge: str) -> bool:
    if not neighbour or not (neighbour.isalnum() or neighbour in "_-"):
        return False
    return neighbour.isascii() == edge.isascii() and neighbour.isascii()
