"""Evaluates rules after commits and by the clock, and tells the bus what has begun or ended.

A rule's state is in the database, under a lock while it is evaluated: any replica may do it, and
a restart loses nothing. Late readings, older than what a rule has seen, change no alert.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pydantic import TypeAdapter

from common.bus import Bus, subject
from common.pool import Connection, Pool
from devices.cadence import stale_after
from devices.rules import RateOfChange, RuleParameters, Silence, Threshold, advance
from devices.schemas import rfc3339
from devices.store.rules import (
    MOST_READINGS,
    DueRule,
    due_rules,
    end_alert,
    keep_progress,
    lock_rule,
    new_readings,
    raise_alert,
    ruled_devices,
)
from devices.store.submission import Submission

_PARAMETERS: Final[TypeAdapter[Any]] = TypeAdapter(RuleParameters)


class Watcher:
    """Looks at rules whose device has sent something, and at all of them now and then."""

    def __init__(self, pool: Pool, bus: Bus) -> None:
        self._pool = pool
        self._bus = bus
        self._ruled: set[int] = set()
        self._changed: set[int] = set()
        self._news = asyncio.Event()

    def committed(self, stored: Sequence[Submission]) -> None:
        """Note which devices have new readings."""
        if not self._ruled:
            return
        for submission in stored:
            if submission.device_id in self._ruled:
                self._changed.add(submission.device_id)
                self._news.set()

    def rule_changed(self, device_id: int) -> None:
        """A rule of this device was made or changed."""
        self._ruled.add(device_id)
        self._changed.add(device_id)
        self._news.set()

    async def follow(self) -> None:
        """Evaluate the rules of devices that have just sent something."""
        await self._news.wait()
        self._news.clear()
        changed, self._changed = self._changed, set()
        if changed:
            await self._evaluate_all(await due_rules(self._pool, sorted(changed)))

    async def sweep(self) -> None:
        """Evaluate what was missed, and silence, by the clock."""
        self._ruled = await ruled_devices(self._pool)
        await self._evaluate_all(await due_rules(self._pool, None))

    async def _evaluate_all(self, rules: Sequence[int]) -> None:
        for rule_id in rules:
            while await self._evaluate(rule_id):
                pass

    async def _evaluate(self, rule_id: int) -> bool:
        """Evaluate one rule; True when there is more to look at."""
        changes: list[dict[str, Any]] = []
        has_more = False
        async with self._pool.transaction() as connection:
            rule = await lock_rule(connection, rule_id)
            if rule is not None:
                parameters = _PARAMETERS.validate_python(rule.parameters)
                if isinstance(parameters, Silence):
                    changes = await _judge_silence(connection, rule, parameters)
                else:
                    changes, has_more = await _judge(connection, rule, parameters)
        for change in changes:
            kind = "raised" if change["ended_at"] is None else "resolved"
            key = f"devices-{change['id']}"
            await self._bus.publish(subject("alert", kind, key), alert_event(change))
        return has_more


async def _judge(
    connection: Connection, rule: DueRule, parameters: Threshold | RateOfChange
) -> tuple[list[dict[str, Any]], bool]:
    readings = await new_readings(connection, rule)
    if not readings:
        return [], False
    progress = advance(parameters, rule.state, readings, is_open=rule.alert_id is not None)
    changes = []
    for at, value, message in progress.transitions:
        if message is None:
            changes.append(await end_alert(connection, rule.id, ended_at=at))
        else:
            changes.append(
                await raise_alert(connection, rule, message=message, value=value, began_at=at)
            )
    await keep_progress(connection, rule, state=progress.state, evaluated_to=readings[-1][0])
    return [change for change in changes if change], len(readings) == MOST_READINGS


async def _judge_silence(
    connection: Connection, rule: DueRule, parameters: Silence
) -> list[dict[str, Any]]:
    if rule.last_seen_at is None:
        return []
    now = datetime.now(UTC)
    allowed = timedelta(seconds=parameters.at_least_seconds)
    if len(rule.recent) > 1:
        allowed = max(
            allowed,
            stale_after(
                rule.recent, intervals=parameters.intervals, least_s=parameters.at_least_seconds
            ),
        )
    silent = now - rule.last_seen_at
    if silent > allowed and rule.alert_id is None:
        silent_s = silent.total_seconds()
        message = parameters.message(silent_s)
        change = await raise_alert(
            connection, rule, message=message, value=silent_s, began_at=rule.last_seen_at
        )
    elif silent <= allowed and rule.alert_id is not None:
        change = await end_alert(connection, rule.id, ended_at=rule.last_seen_at)
    else:
        change = None
    return [change] if change else []


def alert_event(alert: dict[str, Any]) -> dict[str, Any]:
    """An alert as the bus and the cluster know it."""
    ended_at = alert["ended_at"]
    return {
        "id": f"devices-{alert['id']}",
        "severity": alert["severity"],
        "component": f"device:{alert['device_id']}",
        "message": alert["message"],
        "timestamp": rfc3339(alert["began_at"]),
        "resolved": ended_at is not None,
        "resolved_at": None if ended_at is None else rfc3339(ended_at),
        "source": "devices",
        "device_id": alert["device_id"],
        "rule_id": alert["rule_id"],
        "metric": alert["metric"],
        "kind": alert["kind"],
        "value": None if alert["value"] is None else float(alert["value"]),
    }
