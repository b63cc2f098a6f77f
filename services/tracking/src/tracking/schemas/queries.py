"""`POST /api/v1/query` on the wire (contract, `tracking.md` and chapter 6)."""

from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool, StringConstraints

from tracking.asking.languages import Language
from tracking.schemas.wire import Wire

LONGEST_QUERY = 2000


class QueryRequest(Wire):
    """A question; the answer is in its language unless another is asked for."""

    query: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_QUERY),
    ]
    language: Language | None = None
    stream: StrictBool = False
    require_llm: StrictBool = Field(
        False, description="Fail with 503 where no language model words the answer."
    )


class Answer(Wire):
    """An answer, how it came about, and what every number of it comes from."""

    query: str
    language: Language
    intent: str
    period: dict[str, str]
    reasoning: str
    answer: str
    sources: list[dict[str, Any]]
    model: str | None
    query_time_ms: int


class FinalEvent(Answer):
    """The last event of a streamed answer."""

    type: Literal["final"] = "final"
