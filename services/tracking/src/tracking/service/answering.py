"""Questions about the floor: understood, answered from facts, worded by template or by model."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from common.db import Database
from tracking.asking.answers import Facts, answer_of, reasoning_of
from tracking.asking.meanings import meaning_of_question
from tracking.asking.periods import NoSuchPeriod
from tracking.asking.questions import Question, understood
from tracking.repository import workers, zones
from tracking.schemas.queries import Answer, QueryRequest
from tracking.service.facts import gathered, similar_before
from tracking.service.gone import InferenceFailed, NotUnderstood
from tracking.service.phrasing import PhrasingService
from tracking.service.recalling import RecallService
from tracking.service.rulebook import RulebookService

# Such questions are about what happened; the others need no likeness.
_RECALLED: Final = frozenset({"performance", "idle", "summary", "alerts"})
_PIECE: Final = 24


@dataclass(frozen=True, slots=True)
class Prepared:
    """A question with its facts and the answer that they give by themselves."""

    question: Question
    facts: Facts
    draft: str
    began: float


class AnswerService:
    """Answers."""

    def __init__(
        self,
        database: Database,
        *,
        rules: RulebookService,
        recall: RecallService,
        phrasing: PhrasingService,
    ) -> None:
        self._database = database
        self._rules = rules
        self._recall = recall
        self._phrasing = phrasing

    async def prepare(self, request: QueryRequest) -> Prepared:
        """Understand a question and gather its facts.

        Raises:
            NotUnderstood: it speaks of days that do not exist.
        """
        began = time.perf_counter()
        async with self._database.transaction() as session:
            calendar = await self._rules.calendar(session)
            try:
                question = understood(
                    request.query,
                    language=request.language,
                    today=calendar.day_of(datetime.now(UTC)),
                    zones={one.zone_id: one.name for one in await zones.listed(session)},
                    workers=await workers.names(session),
                )
            except NoSuchPeriod as error:
                raise NotUnderstood(str(error), fields={"query": [str(error)]}) from error
            facts = await gathered(session, calendar, question)
        if question.intent in _RECALLED and question.unknown_id is None:
            before = similar_before(calendar, question)
            meaning = meaning_of_question(question.text, facts)
            facts.similar = await self._recall.similar(meaning, before=before)
        return Prepared(question, facts, answer_of(question, facts), began)

    async def answer(self, request: QueryRequest) -> Answer:
        """The whole answer at once.

        Raises:
            NotUnderstood: it speaks of days that do not exist.
            InferenceFailed: a model was required, and there is none that answers.
        """
        prepared = await self.prepare(request)
        parts = [part async for part in self.pieces(prepared, is_required=request.require_llm)]
        return self.final(prepared, parts)

    async def pieces(self, prepared: Prepared, *, is_required: bool) -> AsyncIterator[str]:
        """The answer's words as they come: the model's where there is one, else the template's.

        Raises:
            InferenceFailed: a model was required, and gave nothing.
        """
        said = False
        if self._phrasing.model is not None or is_required:
            sources = prepared.facts.sources()
            try:
                async for sentence in self._phrasing.sentences(
                    prepared.question, sources, prepared.draft
                ):
                    said = True
                    yield sentence
            except InferenceFailed:
                if is_required and not said:
                    raise
            if is_required and not said:
                raise InferenceFailed("The language model said nothing that the facts bear out.")
        if not said:
            text = prepared.draft
            for start in range(0, len(text), _PIECE):
                yield text[start : start + _PIECE]

    def final(self, prepared: Prepared, parts: list[str]) -> Answer:
        """The whole answer with its sources."""
        question, text = prepared.question, "".join(parts).strip()
        is_template = text == prepared.draft.strip()
        values: dict[str, Any] = {
            "query": question.text,
            "language": question.language,
            "intent": question.intent,
            "period": {
                "start_date": question.period.first.isoformat(),
                "end_date": question.period.last.isoformat(),
            },
            "reasoning": reasoning_of(question, prepared.facts),
            "answer": text,
            "sources": prepared.facts.sources(),
            "model": None if is_template else self._phrasing.model,
            "query_time_ms": round((time.perf_counter() - prepared.began) * 1000),
        }
        return Answer(**values)
