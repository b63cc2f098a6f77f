"""Times in SQL: the database's clock decides, so replicas need not agree on theirs."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func


def seconds(count: float | ColumnElement[Any]) -> ColumnElement[timedelta]:
    """An interval of so many seconds."""
    return func.make_interval(0, 0, 0, 0, 0, 0, count)


def from_now(count_s: float | ColumnElement[Any]) -> ColumnElement[datetime]:
    """The time so many seconds after the start of this transaction."""
    return func.now() + seconds(count_s)


def ago(count_s: float) -> ColumnElement[datetime]:
    """The time so many seconds before the start of this transaction."""
    return func.now() - seconds(count_s)
