"""Moments as clients send them: without a zone they are UTC, and no zone may overflow them."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is no moment that can be told in UTC") from None


UtcMoment = Annotated[datetime, AfterValidator(_in_utc)]
