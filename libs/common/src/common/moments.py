"""Times as callers write them: text of RFC 3339, as our documentation says, and never a number."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeAlias

from pydantic import AfterValidator, BeforeValidator
from pydantic_core import PydanticCustomError

_NUMBER: Final = re.compile(r"\s*[+-]?[0-9._]+(e[+-]?[0-9]+)?\s*", re.IGNORECASE)


def _written(value: Any) -> Any:
    if isinstance(value, datetime):
        return value
    # pydantic takes a number for seconds or milliseconds since 1970, whichever seems likelier.
    if not isinstance(value, str) or _NUMBER.fullmatch(value):
        raise PydanticCustomError("timestamp", "Must be a time as RFC 3339 writes it.")
    return value


WrittenMoment: TypeAlias = Annotated[datetime, BeforeValidator(_written)]


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is no moment that can be told in UTC") from None


# Without a zone it is UTC, and no zone may overflow it.
UtcMoment: TypeAlias = Annotated[WrittenMoment, AfterValidator(_in_utc)]
