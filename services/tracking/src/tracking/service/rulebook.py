"""The schedule and the alert rules: read by all, changed by who may configure."""

from datetime import time
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from common.db import Database
from common.errors import ValidationFailed
from tracking.floor.calendar import Calendar, ShiftHours
from tracking.repository import rulebook
from tracking.schemas.rules import AlertRules, Schedule, merged
from tracking.settings import Settings

Shape = TypeVar("Shape", Schedule, AlertRules)


def calendar_of(schedule: Schedule) -> Calendar:
    """The schedule as arithmetic."""
    return Calendar(
        zone=ZoneInfo(schedule.timezone),
        index_start=time.fromisoformat(schedule.index_start),
        index_minutes=schedule.index_minutes,
        total_indices=schedule.total_indices,
        shifts=tuple(
            ShiftHours(
                shift.name,
                time.fromisoformat(shift.start),
                time.fromisoformat(shift.end),
                frozenset(shift.days),
            )
            for shift in schedule.shifts
        ),
    )


class RulebookService:
    """What the floor goes by."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database

    def schedule_of(self, stored: dict[str, Any]) -> Schedule:
        """A stored schedule; the factory's own zone where none was chosen."""
        return Schedule.model_validate({"timezone": self._settings.timezone, **stored})

    async def calendar(self, session: AsyncSession) -> Calendar:
        """The calendar in force."""
        return calendar_of(self.schedule_of((await rulebook.get(session)).schedule))

    async def schedule(self) -> Schedule:
        """The schedule in force."""
        async with self._database.transaction() as session:
            return self.schedule_of((await rulebook.get(session)).schedule)

    async def change_schedule(self, change: dict[str, Any]) -> Schedule:
        """Change what is named.

        Raises:
            ValidationFailed: the whole would not be a schedule.
        """
        async with self._database.transaction() as session:
            row = await rulebook.get(session, lock=True)
            present = self.schedule_of(row.schedule).model_dump(mode="json")
            schedule = _checked(Schedule, merged(present, change))
            row.schedule = schedule.model_dump(mode="json")
            row.revision += 1
        return schedule

    async def rules(self) -> AlertRules:
        """The rules in force."""
        async with self._database.transaction() as session:
            return AlertRules.model_validate((await rulebook.get(session)).alert_rules)

    async def change_rules(self, change: dict[str, Any]) -> AlertRules:
        """Change what is named.

        Raises:
            ValidationFailed: the whole would be no set of rules.
        """
        async with self._database.transaction() as session:
            row = await rulebook.get(session, lock=True)
            present = AlertRules.model_validate(row.alert_rules).model_dump(mode="json")
            rules = _checked(AlertRules, merged(present, change))
            row.alert_rules = rules.model_dump(mode="json")
            row.revision += 1
        return rules


def _checked(shape: type[Shape], values: dict[str, Any]) -> Shape:
    try:
        return shape.model_validate(values)
    except ValidationError as error:
        fields: dict[str, list[str]] = {}
        for one in error.errors():
            name = ".".join(str(part) for part in one["loc"]) or "body"
            fields.setdefault(name, []).append(one["msg"].removeprefix("Value error, "))
        raise ValidationFailed(fields=fields) from error
