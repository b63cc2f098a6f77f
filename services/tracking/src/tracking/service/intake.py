"""Takes observations in: one transaction a batch, the camera's state locked, then the answer.

Most batches go on from what this process took in last, and are one statement that holds only if
nothing has changed meanwhile; all others lock the camera first.

Frames that are newer than all before go on from the camera's state. Late ones are placed by going
back to the newest checkpoint before them and following every frame from there once more.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from common.pool import Connection, Pool
from common.turns import Turns
from tracking import metrics
from tracking.floor.following import Memory, Outcome, follow
from tracking.floor.observations import Frame, Seconds
from tracking.floor.sessions import Event
from tracking.floor.timeline import Stretched, changed
from tracking.repository import alarms, intake, silence
from tracking.repository.intake import Kept, Locked, moment
from tracking.schemas.observations import Batch, FrameIn, Receipt
from tracking.service.batches import LATE_S, Sheet, frame_of, sort_out, stranger_in
from tracking.service.gone import CameraGone
from tracking.service.plans import Plan, Plans
from tracking.service.telling import Happened, Teller
from tracking.service.wording import finding_of

_CHECKPOINT_S: Final = 15.0
# More frames than this at once are followed beside the event loop.
_MANY_FRAMES: Final = 60
_MOST_MEMORIES: Final = 5_000


@dataclass(slots=True)
class Step:
    """What one batch does, from one memory to the next."""

    before: Memory
    outcome: Outcome
    sessions: dict[str, Stretched]
    replayed_from: Seconds | None = None
    removed: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Known:
    """What this process knows of a camera, without asking."""

    version: int
    checkpoint_s: Seconds
    memory: Memory


_UNKNOWN: Final = Known(-1, float("-inf"), Memory())


class IntakeService:
    """Any replica may take any batch of any camera."""

    def __init__(self, pool: Pool, plans: Plans, teller: Teller) -> None:
        self._pool = pool
        self._plans = plans
        self._teller = teller
        self._memories: dict[str, Known] = {}
        self._turns = Turns()

    async def take(self, batch: Batch) -> Receipt:
        """Take a batch in; it is stored when this returns.

        Raises:
            CameraGone: there is no such camera.
            BadField: a track names an unknown worker.
            Unavailable: the camera has sent so much that this batch's turn did not come.
        """
        began = time.perf_counter()
        async with self._turns.of(batch.camera_id):
            receipt = await self._at_once(batch) or await self._in_turn(batch)
        _count(receipt, time.perf_counter() - began)
        return receipt

    async def _at_once(self, batch: Batch) -> Receipt | None:
        """Take in what follows on what this process took in last, in one round trip.

        None, and nothing stored, when anything is in the way: another replica was faster, a frame
        is late or known, a rule has changed, an alert is due. Then the camera is locked first.
        """
        known, plan = self._memories.get(batch.camera_id), self._plans.known
        if known is None or plan is None or not _is_plain(batch, known, plan):
            return None
        sheets = [Sheet.of(str(frame.frame_id), frame) for frame in batch.frames]
        outlook = plan.outlook(batch.camera_id)
        outcome = follow(known.memory, [sheet.frame for sheet in sheets], outlook)
        clock_s = outcome.memory.state.clock_s
        assert clock_s is not None
        if outcome.alarms or clock_s - known.checkpoint_s >= _CHECKPOINT_S:
            return None
        sessions = _changes(known.memory, outcome)
        kept = Kept(clock_s, outcome.memory.as_text(), sessions, plan.places_of(sessions))
        async with self._pool.connection() as connection:
            if not await intake.add_at_once(
                connection,
                batch.camera_id,
                version=known.version,
                revision=plan.revision,
                frames=[sheet.stored for sheet in sheets],
                kept=kept,
            ):
                return None
        self._remember(
            batch.camera_id, Known(known.version + 1, known.checkpoint_s, outcome.memory)
        )
        await self._teller.tell(Happened(plan, outcome.memory, outcome.events))
        return Receipt(accepted=len(sheets), duplicates=0, late=0)

    async def _in_turn(self, batch: Batch) -> Receipt:
        """Take anything in, with the camera locked from the first look to the commit."""
        happened: Happened | None = None
        async with self._pool.transaction() as connection:
            known = self._memories.get(batch.camera_id, _UNKNOWN)
            row = await intake.locked(connection, batch.camera_id, known=known.version)
            if row is None:
                raise CameraGone(batch.camera_id)
            plan = await self._plans.at(connection, row.revision)
            if (stranger := stranger_in(batch, plan)) is not None:
                raise stranger
            parts = sort_out(batch, row.clock_s)
            fresh = await _stored(connection, batch.camera_id, parts.fresh)
            late_known = (
                await intake.count_known(connection, batch.camera_id, parts.late)
                if parts.late
                else 0
            )
            if fresh:
                memory = Memory.from_text(row.state) if row.state is not None else known.memory
                step = await self._followed(connection, batch.camera_id, row, memory, fresh, plan)
                checkpoint_s, happened = await self._written(
                    connection, batch.camera_id, row, step, plan
                )
        if happened is not None:
            self._remember(
                batch.camera_id, Known(row.version + 1, checkpoint_s, step.outcome.memory)
            )
            await self._teller.tell(happened)
        accepted = len(fresh)
        return Receipt(
            accepted=accepted,
            duplicates=parts.doubles + len(parts.fresh) - accepted + late_known,
            late=len(parts.late) - late_known,
        )

    def _remember(self, camera_id: str, known: Known) -> None:
        if len(self._memories) >= _MOST_MEMORIES:
            self._memories.clear()
        self._memories[camera_id] = known

    async def _followed(
        self,
        connection: Connection,
        camera_id: str,
        row: Locked,
        memory: Memory,
        fresh: Sequence[Frame],
        plan: Plan,
    ) -> Step:
        outlook = plan.outlook(camera_id)
        oldest_s = min(frame.time_s for frame in fresh)
        if row.clock_s is None or oldest_s >= row.clock_s:
            outcome = await _follow(memory, fresh, outlook)
            return Step(memory, outcome, _changes(memory, outcome))
        metrics.REPLAYS.inc()
        clock_s, text = await intake.checkpoint_before(connection, camera_id, oldest_s)
        frames = [
            frame_of(time_s, orjson.loads(tracks))
            for time_s, tracks in await intake.frames_after(connection, camera_id, clock_s)
        ]
        base = Memory.from_text(text)
        outcome = await _follow(base, frames, outlook)
        step = Step(base, outcome, _changes(base, outcome), replayed_from=clock_s)
        return await _rewound(connection, camera_id, step)

    async def _written(
        self, connection: Connection, camera_id: str, row: Locked, step: Step, plan: Plan
    ) -> tuple[Seconds, Happened]:
        """Store a step; the time of the newest checkpoint then, and what is to be told."""
        memory = step.outcome.memory
        clock_s = memory.state.clock_s
        assert clock_s is not None
        text = memory.as_text()
        places = plan.places_of(step.sessions)
        await intake.save(connection, camera_id, Kept(clock_s, text, step.sessions, places))
        if row.is_offline:
            gone = [key for key, one in step.sessions.items() if one.session.exit_s is not None]
            await silence.close_dark(connection, gone)
        kept_s = row.checkpoint_s if step.replayed_from is None else step.replayed_from
        if clock_s - kept_s >= _CHECKPOINT_S:
            await intake.add_checkpoint(
                connection, camera_id, clock_s=clock_s, state=text, horizon_s=clock_s - LATE_S
            )
            kept_s = clock_s
        alerts = await self._alarmed(connection, camera_id, step, plan)
        if row.is_offline:
            back = await alarms.ended(connection, f"camera_offline:{camera_id}", moment(clock_s))
            alerts += [back] if back is not None else []
        return kept_s, Happened(plan, memory, _news(step, row.clock_s), alerts)

    async def _alarmed(
        self, connection: Connection, camera_id: str, step: Step, plan: Plan
    ) -> list[dict[str, Any]]:
        rows: list[dict[str, Any] | None] = []
        is_replay = step.replayed_from is not None
        for alarm in step.outcome.alarms:
            if alarm.change == "ended":
                rows.append(await alarms.ended(connection, alarm.cause, moment(alarm.time_s)))
            else:
                finding = finding_of(alarm, plan, camera_id)
                rows.append(await alarms.raised(connection, finding, is_replay=is_replay))
        if step.replayed_from is not None and step.replayed_from != float("-inf"):
            open_ones = step.outcome.memory.alarms.conditions.items()
            kept = [f"{rule}:{name}" for (rule, name), one in open_ones if one.is_raised]
            after = moment(step.replayed_from)
            rows += await alarms.undone(connection, camera_id, after=after, kept=kept)
        latest = {row["alert_id"]: row for row in rows if row is not None}
        return list(latest.values())


def _is_plain(batch: Batch, known: Known, plan: Plan) -> bool:
    """True when a batch only goes on from what is known."""
    keys = {str(frame.frame_id) for frame in batch.frames}
    clock_s = known.memory.state.clock_s
    return (
        0 < len(batch.frames) <= _MANY_FRAMES
        and len(keys) == len(batch.frames)
        and clock_s is not None
        and all(frame.timestamp.timestamp() >= clock_s for frame in batch.frames)
        and stranger_in(batch, plan) is None
    )


async def _stored(
    connection: Connection, camera_id: str, frames: dict[str, FrameIn]
) -> list[Frame]:
    if not frames:
        return []
    sheets = [Sheet.of(key, frame) for key, frame in frames.items()]
    new = await intake.keep_frames(connection, camera_id, [sheet.stored for sheet in sheets])
    return [sheet.frame for sheet in sheets if sheet.key in new]


async def _follow(memory: Memory, frames: Sequence[Frame], outlook: Any) -> Outcome:
    if len(frames) <= _MANY_FRAMES:
        return follow(memory, frames, outlook)
    return await asyncio.to_thread(follow, memory, frames, outlook)


def _changes(before: Memory, outcome: Outcome) -> dict[str, Stretched]:
    return changed(before.state, outcome.memory.state, outcome.events)


async def _rewound(connection: Connection, camera_id: str, step: Step) -> Step:
    """Undo what was written after the checkpoint, and say again what stood before it."""
    assert step.replayed_from is not None
    past = step.before.state
    since = {key: session.since_s for key, session in past.sessions.items()}
    # Whether an ended one goes on, and from its end, is for the replay to say.
    ended = {key: session.since_s - 0.001 for key, session in past.just_ended.items()}
    made = {key: one.session.entry_s - 1 for key, one in step.sessions.items()}
    await intake.rewind(
        connection, camera_id, to_s=step.replayed_from, since={**made, **ended, **since}
    )
    kept = {**past.sessions, **past.just_ended, **step.sessions}
    step.removed = await intake.drop_sessions(
        connection, camera_id, after_s=step.replayed_from, kept=kept
    )
    for key, session in {**past.sessions, **past.just_ended}.items():
        step.sessions.setdefault(key, Stretched(session))
        if key in past.sessions and not step.sessions[key].stretches:
            exit_s = step.sessions[key].session.exit_s
            step.sessions[key].stretches = [(session.since_s, session.state, exit_s)]
    return step


def _news(step: Step, clock_s: Seconds | None) -> list[Event]:
    """What viewers have not been told yet; a replay says again what they know."""
    events = step.outcome.events
    if clock_s is None or step.replayed_from is None:
        return events
    return [event for event in events if event.time_s >= clock_s]


def _count(receipt: Receipt, seconds: float) -> None:
    metrics.BATCH_SECONDS.observe(seconds)
    for outcome, count in receipt.model_dump().items():
        if count:
            metrics.FRAMES.labels(outcome).inc(count)
