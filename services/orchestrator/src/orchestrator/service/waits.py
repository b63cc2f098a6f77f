"""The queue as users see it, with an honest wait for each (contract, chapter 5)."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession

from orchestrator import metrics
from orchestrator.models import Inspection, Machine
from orchestrator.repository import machines, queue, statistics
from orchestrator.scheduling import Costs
from orchestrator.schemas.queue import MachineAssignments, QueuedInspection, QueueView
from orchestrator.service.dispatch import offer_of, waiting_of
from orchestrator.service.views import occupied
from orchestrator.waiting import Bench, estimate_waits, remaining_s

# Beyond this many the wait of the last one stands for all that come after it.
_LOOKED_AT = 5000
_SHOWN = 100
_SAVED_AT_ONCE = 500


async def place_of(session: AsyncSession, inspection: Inspection) -> tuple[int, int | None]:
    """The inspection's place in the queue from 1, and its estimated wait in whole seconds."""
    if inspection.rank_at is None:
        return 0, None
    position = await queue.position(session, inspection.rank_at, inspection.id)
    rows = await queue.waiting(session, limit=min(position, _LOOKED_AT))
    waits = await _waits(session, rows, await machines.all_with_leases(session))
    return position, _whole(waits[-1]) if waits else None


async def view(session: AsyncSession) -> QueueView:
    """The head of the queue, and what every machine does."""
    fleet = await machines.all_with_leases(session)
    rows = await queue.waiting(session, limit=_SHOWN)
    waits = await _waits(session, rows, fleet)
    count = sum(row["depth"] for row in await queue.depth(session))
    meant_for = Counter(row["target_machine_id"] for row in rows)
    return QueueView(
        count=count,
        pending_inspections=[
            QueuedInspection(
                id=row["id"],
                name=row["name"],
                inspection_type=row["inspection_type"],
                priority=row["priority"],
                queued_at=row["queued_at"],
                target_machine_id=row["target_machine_id"],
                queue_position=place,
                estimated_wait_time=_whole(wait),
            )
            for place, (row, wait) in enumerate(zip(rows, waits, strict=True), start=1)
        ],
        machine_assignments={
            machine.id: MachineAssignments(
                current_inspections=occupied(machine, leases), queue_position=meant_for[machine.id]
            )
            for machine, leases in fleet
        },
    )


async def measure(session: AsyncSession) -> None:
    """Set the queue's gauges, and estimate the waits of what has come in since the last time."""
    rows = await queue.depth(session)
    depths = {row["priority"]: row["depth"] for row in rows}
    for priority in range(1, 11):
        metrics.QUEUE_DEPTH.labels(str(priority)).set(depths.get(priority, 0))
    metrics.QUEUE_AGE.set(max((row["oldest_s"] for row in rows), default=0.0))
    found = await statistics.machines_by_status(session)
    for status in ("online", "busy", "offline", "error", "maintenance"):
        metrics.MACHINES.labels(status).set(found.get(status, 0))
    if rows:
        await _estimate_new(session)


async def _estimate_new(session: AsyncSession) -> None:
    rows = await queue.waiting(session, limit=_LOOKED_AT)
    if all(row["estimated_at"] is not None for row in rows):
        return
    waits = await _waits(session, rows, await machines.all_with_leases(session))
    fresh = [
        (row["id"], wait)
        for row, wait in zip(rows, waits, strict=True)
        if row["estimated_at"] is None
    ]
    await queue.save_estimates(session, fresh[:_SAVED_AT_ONCE])


async def _waits(
    session: AsyncSession, rows: Sequence[RowMapping], fleet: Sequence[tuple[Machine, int]]
) -> list[float | None]:
    costs = Costs(await machines.measured_costs(session))
    running = await queue.running(session)
    return estimate_waits(
        [waiting_of(row) for row in rows], _benches(fleet, running, costs=costs), costs
    )


def _benches(
    fleet: Sequence[tuple[Machine, int]], running: Sequence[RowMapping], *, costs: Costs
) -> list[Bench]:
    """When each slot is free.

    Where no machine is there, the absent ones count as if they came back now: the wait is then
    the shortest that it can be.
    """
    busy: defaultdict[str, list[float]] = defaultdict(list)
    for row in running:
        cost_s = costs.of(row["machine_id"], row["inspection_type"])
        left_s = remaining_s(cost_s, elapsed_s=row["elapsed_s"])
        busy[row["machine_id"]].append(math.inf if row["is_continuous"] else left_s)
    present = [one for one in fleet if one[0].status in ("online", "busy")]
    return [_bench(machine, leases, busy[machine.id]) for machine, leases in present or fleet]


def _bench(machine: Machine, leases: int, busy_s: Sequence[float]) -> Bench:
    offer = offer_of(machine, leases=leases, load_s=0.0)
    unknown = occupied(machine, leases) - len(busy_s)
    idle = max(0, offer.slots - len(busy_s) - max(0, unknown))
    # What the machine does for others: nobody told us how long it takes.
    others = [max((s for s in busy_s if math.isfinite(s)), default=1.0)] * max(0, unknown)
    return Bench(offer, tuple([*busy_s, *others, *[0.0] * idle]))


def _whole(wait_s: float | None) -> int | None:
    return None if wait_s is None else math.ceil(wait_s)
