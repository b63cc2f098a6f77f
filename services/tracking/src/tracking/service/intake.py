"""Takes observations in: one transaction a batch, the camera's state locked, then the answer.

Frames that are newer than all before go on from the camera's state. Late ones are placed by going
back to the newest checkpoint before them and following every frame from there once more.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from tracking import metrics
from tracking.floor.following import Memory, Outcome, follow
from tracking.floor.observations import Frame, Seconds, Track
from tracking.floor.sessions import Event
from tracking.floor.timeline import Stretched, changed
from tracking.repository import alarms, intake, silence
from tracking.repository.intake import Locked, moment
from tracking.repository.pool import Connection, IntakePool
from tracking.schemas.observations import Batch, FrameIn, Receipt, TrackIn
from tracking.service.gone import BadField, CameraGone
from tracking.service.plans import Plan, Plans
from tracking.service.telling import Happened, Teller
from tracking.service.wording import finding_of

LATE_S: Final = 60.0
_CHECKPOINT_S: Final = 15.0
# More frames than this at once are followed beside the event loop.
_MANY_FRAMES: Final = 60
_MOST_MEMORIES: Final = 5_000


@dataclass(frozen=True, slots=True)
class Sorted:
    """A batch taken apart."""

    fresh: dict[str, FrameIn]
    late: list[str]
    doubles: int


@dataclass(slots=True)
class Step:
    """What one batch does, from one memory to the next."""

    before: Memory
    outcome: Outcome
    sessions: dict[str, Stretched]
    replayed_from: Seconds | None = None
    removed: list[str] = field(default_factory=list)


class IntakeService:
    """Any replica may take any batch of any camera."""

    def __init__(self, pool: IntakePool, plans: Plans, teller: Teller) -> None:
        self._pool = pool
        self._plans = plans
        self._teller = teller
        self._memories: dict[str, tuple[int, Memory]] = {}

    async def take(self, batch: Batch) -> Receipt:
        """Take a batch in; it is stored when this returns.

        Raises:
            CameraGone: there is no such camera.
            BadField: a track names an unknown worker.
        """
        began = time.perf_counter()
        happened: Happened | None = None
        async with self._pool.transaction() as connection:
            known = self._memories.get(batch.camera_id, (-1, Memory()))
            row = await intake.locked(connection, batch.camera_id, known=known[0])
            if row is None:
                raise CameraGone(batch.camera_id)
            plan = await self._plans.at(connection, row.revision)
            _check_workers(batch, plan)
            parts = sort_out(batch, row.clock_s)
            fresh = await _stored(connection, batch.camera_id, parts.fresh)
            late_known = (
                await intake.count_known(connection, batch.camera_id, parts.late)
                if parts.late
                else 0
            )
            if fresh:
                memory = Memory.from_text(row.state) if row.state is not None else known[1]
                step = await self._followed(connection, batch.camera_id, row, memory, fresh, plan)
                happened = await self._written(connection, batch.camera_id, row, step, plan)
        accepted = len(fresh)
        if happened is not None:
            self._remember(batch.camera_id, row.version + 1, step.outcome.memory)
            await self._teller.tell(happened)
        receipt = Receipt(
            accepted=accepted,
            duplicates=parts.doubles + len(parts.fresh) - accepted + late_known,
            late=len(parts.late) - late_known,
        )
        _count(receipt, time.perf_counter() - began)
        return receipt

    def _remember(self, camera_id: str, version: int, memory: Memory) -> None:
        if len(self._memories) >= _MOST_MEMORIES:
            self._memories.clear()
        self._memories[camera_id] = (version, memory)

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
    ) -> Happened:
        memory = step.outcome.memory
        clock_s = memory.state.clock_s
        assert clock_s is not None
        text = memory.as_text()
        await intake.save(
            connection,
            camera_id,
            clock_s=clock_s,
            state=text,
            sessions=step.sessions,
            places={
                key: plan.place_of(key, one.session.entry_s) for key, one in step.sessions.items()
            },
        )
        if row.is_offline:
            gone = [key for key, one in step.sessions.items() if one.session.exit_s is not None]
            await silence.close_dark(connection, gone)
        kept_s = row.checkpoint_s if step.replayed_from is None else step.replayed_from
        if clock_s - kept_s >= _CHECKPOINT_S:
            await intake.add_checkpoint(
                connection, camera_id, clock_s=clock_s, state=text, horizon_s=clock_s - LATE_S
            )
        alerts = await self._alarmed(connection, camera_id, step, plan)
        if row.is_offline:
            back = await alarms.ended(connection, f"camera_offline:{camera_id}", moment(clock_s))
            alerts += [back] if back is not None else []
        return Happened(
            plan=plan,
            memory=memory,
            events=_news(step, row.clock_s),
            alerts=alerts,
        )

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


def sort_out(batch: Batch, clock_s: Seconds | None) -> Sorted:
    """Tell a batch's frames apart: new ones by id, those that come too late, repeats within it."""
    fresh: dict[str, FrameIn] = {}
    late: list[str] = []
    doubles = 0
    for frame in batch.frames:
        frame_id = str(frame.frame_id)
        if frame_id in fresh or frame_id in late:
            doubles += 1
        elif clock_s is not None and frame.timestamp.timestamp() < clock_s - LATE_S:
            late.append(frame_id)
        else:
            fresh[frame_id] = frame
    return Sorted(fresh, late, doubles)


def _check_workers(batch: Batch, plan: Plan) -> None:
    for number, frame in enumerate(batch.frames):
        for place, track in enumerate(frame.tracks):
            if track.worker_id is not None and track.worker_id not in plan.workers:
                raise BadField(
                    f"frames.{number}.tracks.{place}.worker_id",
                    f"there is no worker {track.worker_id!r}",
                    worker_id=track.worker_id,
                )


async def _stored(
    connection: Connection, camera_id: str, frames: dict[str, FrameIn]
) -> list[Frame]:
    if not frames:
        return []
    rows = {
        key: (frame.timestamp.timestamp(), [_row_of(track) for track in frame.tracks])
        for key, frame in frames.items()
    }
    new = await intake.keep_frames(
        connection,
        camera_id,
        [(key, time_s, orjson.dumps(tracks).decode()) for key, (time_s, tracks) in rows.items()],
    )
    return [frame_of(*row) for key, row in rows.items() if key in new]


def _row_of(track: TrackIn) -> list[Any]:
    x, y = track.foot
    return [str(track.track_id), x, y, track.motion, track.worker_id, track.badge_id]


def frame_of(time_s: Seconds, rows: Sequence[Any]) -> Frame:
    """A frame from its rows: track, foot, motion, worker, badge."""
    return Frame(
        time_s,
        tuple(
            Track(track, (x, y), motion, worker, badge)
            for track, x, y, motion, worker, badge in rows
        ),
    )


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
