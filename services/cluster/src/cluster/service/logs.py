"""Every service's log lines: taken from the bus within budgets, searched, and kept bounded.

A component has a budget of lines a second on the way in and of bytes in the store: one that floods
loses its own lines, which is counted and shown, and never another's.
"""

import asyncio
import logging
from collections import deque
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson
from nats.aio.msg import Msg
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from cluster import metrics
from cluster.models import Line
from cluster.repository import logs
from cluster.repository.logs import LogFilter
from cluster.schemas.shapes import LogEntry, LogPage, Trace
from cluster.settings import Settings
from common.bus import Bus
from common.db import Database
from common.schemas.mesh import DROPPED_HEADER, LOGS_SUBJECT, LogLine
from common.shipping import Budget

LEVELS: Final = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40, "CRITICAL": 50}
_NAMES: Final = {number: name for name, number in LEVELS.items()}
_QUEUE: Final = "cluster-logs"
_LINES_PER_S: Final = 1_000.0
_BURST: Final = 4_000.0
_MOST_COMPONENTS: Final = 200
_MOST_WAITING: Final = 20_000
_BATCH: Final = 1_000
_LINGER_S: Final = 0.2
_MOST_PENDING_BYTES: Final = 16 * 1024 * 1024
_ROW_OVERHEAD: Final = 120
_MOST_FIELDS_BYTES: Final = 16 * 1024
_MOST_TRACE_LINES: Final = 5_000
_TELL_DROPPED_S: Final = 1.0
_log = logging.getLogger("logs")


class LogStore:
    """Takes lines in and gives them out."""

    def __init__(self, settings: Settings, *, database: Database, bus: Bus) -> None:
        self._settings = settings
        self._database = database
        self._bus = bus
        self._waiting: deque[dict[str, Any]] = deque()
        self._budgets: dict[str, Budget] = {}
        self._dropped: dict[str, int] = {}
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Take lines in for as long as the service runs; each replica takes some."""
        await self._bus.wait_connected()
        await self._bus.client.subscribe(
            f"{LOGS_SUBJECT}.*",
            queue=_QUEUE,
            cb=self._on_batch,
            pending_msgs_limit=1_024,
            pending_bytes_limit=_MOST_PENDING_BYTES,
        )
        await self._keep_for_ever()

    async def _on_batch(self, message: Msg) -> None:
        component = message.subject.rpartition(".")[2]
        dropped = (message.headers or {}).get(DROPPED_HEADER, "0")
        if dropped.isdigit() and int(dropped):
            self._drop(component, int(dropped))
        budget = self._budget_of(component)
        if budget is None:
            return
        lines = [raw for raw in message.data.split(b"\n") if raw]
        for place, raw in enumerate(lines):
            # The rest is dropped unseen: a flood must cost so little that others' lines, which come
            # behind it, are not kept waiting until NATS drops them.
            if len(self._waiting) >= _MOST_WAITING or not budget.take():
                self._drop(component, len(lines) - place)
                break
            if (row := _row_of(raw, component)) is not None:
                self._waiting.append(row)
        self._news.set()

    def _budget_of(self, component: str) -> Budget | None:
        budget = self._budgets.get(component)
        if budget is None and len(self._budgets) < _MOST_COMPONENTS:
            budget = self._budgets[component] = Budget(rate=_LINES_PER_S, burst=_BURST)
        return budget

    def _drop(self, component: str, count: int) -> None:
        self._dropped[component] = self._dropped.get(component, 0) + count
        metrics.LINES_DROPPED.labels(component).inc(count)

    async def _keep_for_ever(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            await asyncio.sleep(_LINGER_S)
            self._note_dropped()
            while self._waiting:
                batch = [self._waiting[i] for i in range(min(_BATCH, len(self._waiting)))]
                try:
                    async with self._database.transaction() as session:
                        await logs.keep(session, batch)
                except (SQLAlchemyError, OSError, TimeoutError) as error:
                    _log.warning("log lines cannot be stored yet: %s", type(error).__name__)
                    await asyncio.sleep(_TELL_DROPPED_S)
                    continue
                for _ in batch:
                    self._waiting.popleft()
                metrics.LINES_KEPT.inc(len(batch))

    def _note_dropped(self) -> None:
        """Leave a line that tells how many are missing."""
        dropped, self._dropped = self._dropped, {}
        for component, count in dropped.items():
            text = f"{count} lines of {component} were over its budget and are not kept"
            self._waiting.append(
                {
                    "at": datetime.now(UTC),
                    "level": LEVELS["WARNING"],
                    "component": component,
                    "message": text,
                    "request_id": None,
                    "fields": {"dropped": count},
                    "size": _ROW_OVERHEAD + len(text),
                }
            )

    async def search(self, wanted: LogFilter, *, limit: int, offset: int) -> LogPage:
        """Lines that match, newest first."""
        async with self._database.transaction() as session:
            total, rows = await logs.search(session, wanted, limit=limit, offset=offset)
        return LogPage(total=total, logs=[_entry(row) for row in rows])

    async def trace(self, request_id: str) -> Trace | None:
        """One request's lines in every service, oldest first; None where there are none."""
        async with self._database.transaction() as session:
            rows = await logs.of_request(session, request_id, limit=_MOST_TRACE_LINES)
        if not rows:
            return None
        # A line is written at the end of what it tells of, and says how long that took.
        times = [row.fields.get("duration_ms") for row in rows]
        longest_ms = max((one for one in times if isinstance(one, int | float)), default=0.0)
        span_ms = (rows[-1].at - rows[0].at).total_seconds() * 1000
        return Trace(
            request_id=request_id,
            components=list(dict.fromkeys(row.component for row in rows)),
            duration_ms=round(max(span_ms, longest_ms), 3),
            lines=[_entry(row) for row in rows],
        )

    async def trim(self, *, retention_hours: int) -> None:
        """Delete what is too old, and each component's oldest lines beyond its budget."""
        before = datetime.now(UTC) - timedelta(hours=retention_hours)
        await self._repeat(lambda session: logs.forget(session, before))
        async with self._database.transaction() as session:
            sizes = await logs.sizes(session)
        for component, budget in budgets(
            sizes,
            total=self._settings.log_store_mb * 2**20,
            share=self._settings.log_component_share,
        ).items():
            await self._trim_one(component, budget)
        metrics.STORE_BYTES.set(sum(sizes.values()))

    async def _trim_one(self, component: str, budget: int) -> None:
        await self._repeat(lambda session: logs.trim(session, component, budget=budget))

    async def _repeat(self, step: Any) -> None:
        """Some at a time, so that no lock is held for long."""
        while True:
            async with self._database.transaction() as session:
                if not await step(session):
                    return


def budgets(sizes: dict[str, int], *, total: int, share: float) -> dict[str, int]:
    """The budget of each component that is over its own: its share, and a fair part of the whole.

    While all fit together only the share binds; else the largest give way first, down to what is
    left when the smaller ones have what they need.
    """
    most = int(total * share)
    over = {name: most for name, size in sizes.items() if size > most}
    kept = {name: min(size, most) for name, size in sizes.items()}
    left = total
    names = sorted(kept, key=lambda name: kept[name])
    for place, name in enumerate(names):
        fair = left // (len(names) - place)
        if kept[name] > fair:
            over[name] = kept[name] = fair
        left -= kept[name]
    return over


def _row_of(raw: bytes, component: str) -> dict[str, Any] | None:
    try:
        line = LogLine.model_validate(orjson.loads(raw))
    except (ValidationError, orjson.JSONDecodeError):
        return None
    fields = {name: value for name, value in line.extra_fields().items() if name != "logger"}
    encoded = orjson.dumps(fields, default=str)
    if len(encoded) > _MOST_FIELDS_BYTES:
        fields, encoded = {"cut": True}, b""
    message = line.message.replace("\x00", "\ufffd")
    return {
        "at": line.timestamp if line.timestamp.tzinfo else line.timestamp.replace(tzinfo=UTC),
        "level": LEVELS.get(line.level.upper(), LEVELS["INFO"]),
        "component": line.component or component,
        "message": message,
        "request_id": line.request_id,
        "fields": orjson.loads(encoded.replace(b"\\u0000", b"")) if encoded else fields,
        "size": _ROW_OVERHEAD + len(message.encode()) + len(encoded),
    }


def _entry(row: Line) -> LogEntry:
    return LogEntry(
        timestamp=row.at,
        level=_NAMES.get(row.level, "INFO"),
        component=row.component,
        message=row.message,
        request_id=row.request_id,
        fields=row.fields,
    )
