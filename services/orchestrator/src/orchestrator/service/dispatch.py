"""Hands queued inspections out: claims them with a lease, then pushes them to their machines.

The claim is one short transaction under the locks of the free machines; the push happens after
its commit. What a machine surely never saw goes back at once and costs no attempt. What it may
have seen keeps its lease: the machine renews it, or it expires.
"""

import asyncio
import ipaddress
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy.ext.asyncio import AsyncSession

from common.auth import machine_audience
from common.client import IdentityUnavailable, MeshClient
from common.db import Database
from common.errors import BadUpstream, Conflict, Unavailable, UpstreamTimeout
from common.logs import request_id, traceparent
from common.schemas.vision import Assignment, Lease
from orchestrator import metrics
from orchestrator.events import Events
from orchestrator.ids import new_lease_token
from orchestrator.models import Machine
from orchestrator.repository import attempts, inspections, machines, queue
from orchestrator.scheduling import Costs, Offer, Waiting, assign
from orchestrator.service.ownership import MachineGone
from orchestrator.service.states import finish
from orchestrator.service.views import free_of
from orchestrator.settings import Settings

# A full machine is asked again soon; one that cannot be reached less and less often.
_FULL_PAUSE_S: Final = 0.5
_DOWN_PAUSE_S: Final = 2.0
_FULL: Final = frozenset({409, 429, 503})
_REFUSED: Final = frozenset({400, 413, 422})
_log = logging.getLogger("dispatch")

Outcome = Literal["accepted", "full", "refused", "unreachable", "unclear", "no_identity"]


@dataclass(frozen=True, slots=True)
class Claimed:
    """A leased inspection on its way to its machine."""

    assignment: Assignment
    url: str
    has_failed_before: bool
    request_id: str | None
    traceparent: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a push."""

    outcome: Outcome
    text: str = ""


class Dispatcher:
    """Claims and pushes for one replica; any number of replicas work side by side."""

    def __init__(
        self, settings: Settings, *, database: Database, client: MeshClient, events: Events
    ) -> None:
        self._settings = settings
        self._database = database
        self._client = client
        self._events = events

    async def claim(self, *, limit: int, only: str | None = None) -> list[Claimed]:
        """Lease the head of the queue to the machines that are free.

        Args:
            limit: at most so many.
            only: claim no other inspection than this, and wait for locks rather than skip.
        """
        async with self._database.transaction() as session:
            if only is None and not await queue.has_work(session):
                return []
            ready = await queue.lock_ready_machines(session, may_wait=only is not None)
            if not ready:
                return []
            costs = Costs(await machines.measured_costs(session))
            offers = await _offers(session, ready, costs)
            pairs = await _pairs(session, offers, costs, limit=limit, only=only)
            if not pairs:
                return []
            tokens = [(one.id, offer.machine_id, new_lease_token()) for one, offer in pairs]
            rows = await queue.claim(session, tokens, lease_s=self._settings.lease_s)
        by_id = {machine.id: machine for machine in ready}
        for row in rows:
            _measure_wait(row)
        return [_claimed(row, by_id[row["machine_id"]]) for row in rows]

    async def push(self, claimed: Claimed) -> Outcome:
        """Push one claimed inspection, and settle what its machine answers.

        Runs in a task of its own, as part of the request that queued the inspection.
        """
        request_id.set(claimed.request_id)
        traceparent.set(claimed.traceparent)
        assignment = claimed.assignment
        await self._events.inspection(
            assignment.inspection_id,
            "assigned",
            machine_id=assignment.machine_id,
            attempt=assignment.lease.attempt,
        )
        began = time.perf_counter()
        answer = await self._ask(claimed)
        metrics.PUSH_LATENCY.observe(time.perf_counter() - began)
        metrics.PUSHES.labels(answer.outcome).inc()
        if answer.outcome != "accepted":
            _log.warning(
                "push to %s: %s %s",
                assignment.machine_id,
                answer.outcome,
                answer.text,
                extra={"inspection_id": assignment.inspection_id},
            )
        await self._settle(claimed, answer)
        return answer.outcome

    async def hand_out(self, inspection_id: str) -> None:
        """Try to hand out this one inspection now; it stays queued when no machine is free."""
        async with asyncio.TaskGroup() as tasks:
            for claimed in await self.claim(limit=1, only=inspection_id):
                tasks.create_task(self.push(claimed))

    async def recall(self, inspection_id: str, machine_id: str) -> None:
        """Tell a machine to stop; if it does not hear, its next heartbeat's answer says so."""
        async with self._database.transaction() as session:
            machine = await machines.get(session, machine_id)
        if machine is None:
            return
        url = f"{_url_of(machine)}/{inspection_id}"
        try:
            await self._client.request(
                "DELETE",
                url,
                timeout_s=self._settings.push_timeout_s,
                audience=machine_audience(machine_id),
            )
        except Unavailable as error:
            _log.info("%s was not told of a cancelled inspection: %s", machine_id, error.message)

    async def restart(self, machine_id: str) -> None:
        """Tell a machine to give back what it holds and to end, so that it is started anew.

        Raises:
            MachineGone: there is no such machine.
            Conflict: the machine does not take the order.
            Unavailable: nobody answers at its address.
        """
        async with self._database.transaction() as session:
            machine = await machines.get(session, machine_id)
        if machine is None:
            raise MachineGone()
        response = await self._client.request(
            "POST",
            _address_of(machine) + "/internal/restart",
            timeout_s=self._settings.push_timeout_s,
            audience=machine_audience(machine_id),
        )
        if not response.is_success:
            raise Conflict(f"The machine answered {response.status_code} to the order to restart.")

    async def _ask(self, claimed: Claimed) -> Answer:
        try:
            response = await self._client.request(
                "POST",
                claimed.url,
                timeout_s=self._settings.push_timeout_s,
                audience=machine_audience(claimed.assignment.machine_id),
                content=claimed.assignment.model_dump_json(by_alias=True, exclude_none=True),
                headers={"Content-Type": "application/json"},
            )
        except IdentityUnavailable as error:
            return Answer("no_identity", error.message)
        except (UpstreamTimeout, BadUpstream) as error:
            return Answer("unclear", error.message)
        except Unavailable:
            return Answer("unreachable", "Nobody answers at the machine's address.")
        if response.is_success:
            return Answer("accepted")
        text = f"The machine answered {response.status_code}."
        if response.status_code in _FULL:
            return Answer("full", text)
        if response.status_code in _REFUSED:
            return Answer("refused", f"{text} {response.text[:500]}")
        return Answer("unreachable", text)

    async def _settle(self, claimed: Claimed, answer: Answer) -> None:
        if answer.outcome == "accepted" and not claimed.has_failed_before:
            return
        machine_id = claimed.assignment.machine_id
        status: str | None = None
        async with self._database.transaction() as session:
            if answer.outcome == "accepted":
                await machines.unblock(session, machine_id)
            elif answer.outcome == "refused":
                await _fail(session, claimed.assignment, error=answer.text)
                status = "failed"
            else:
                await _block(session, machine_id, answer)
                status = await _give_back(session, claimed.assignment, answer)
        if status is not None:
            await self._events.inspection(
                claimed.assignment.inspection_id, status, machine_id=None, error_message=None
            )


async def _offers(session: AsyncSession, ready: Sequence[Machine], costs: Costs) -> list[Offer]:
    leases: dict[str, int] = {}
    load_s: dict[str, float] = {}
    for row in await queue.loads(session, [machine.id for machine in ready]):
        machine_id = row["machine_id"]
        leases[machine_id] = leases.get(machine_id, 0) + row["leases"]
        cost_s = costs.of(machine_id, row["inspection_type"]) * row["leases"]
        load_s[machine_id] = load_s.get(machine_id, 0.0) + cost_s
    return [
        offer_of(machine, leases=leases.get(machine.id, 0), load_s=load_s.get(machine.id, 0.0))
        for machine in ready
    ]


def offer_of(machine: Machine, *, leases: int, load_s: float) -> Offer:
    """A machine as the scheduler sees it."""
    return Offer(
        machine_id=machine.id,
        location=machine.location,
        types=frozenset(machine.supported_inspection_types),
        tools=None if machine.tool_names is None else frozenset(machine.tool_names),
        slots=machine.max_concurrent_inspections,
        free=free_of(machine, leases),
        load_s=load_s,
    )


def waiting_of(row: Any) -> Waiting:
    """A queued row as the scheduler sees it."""
    return Waiting(
        id=row["id"],
        inspection_type=row["inspection_type"],
        tools=frozenset(row["tool_names"]),
        target_machine_id=row["target_machine_id"],
        location=row.get("location", ""),
        strategy=row.get("strategy", "load_balanced"),
        preferred=frozenset(row.get("preferred_machines", ())),
    )


async def _pairs(
    session: AsyncSession,
    offers: Sequence[Offer],
    costs: Costs,
    *,
    limit: int,
    only: str | None,
) -> list[tuple[Waiting, Offer]]:
    """Match batch after batch, until the queue has nothing for the machines that are left."""
    pairs: list[tuple[Waiting, Offer]] = []
    while len(pairs) < limit:
        free = [offer.machine_id for offer in offers if offer.free > 0]
        if not free:
            break
        # No more than can be placed: what is locked here is passed over by the other replicas.
        batch = min(limit - len(pairs), sum(offer.free for offer in offers))
        rows = await queue.candidates(
            session, free=free, batch=batch, only=only, taken=[one.id for one, _ in pairs]
        )
        matched = assign([waiting_of(row) for row in rows], offers, costs)
        pairs += matched
        if not matched or len(rows) < batch:
            break
    return pairs


def _measure_wait(row: Any) -> None:
    metrics.WAIT.observe((row["assigned_at"] - row["queued_at"]).total_seconds())
    if row["estimated_at"] is not None and row["estimated_wait_s"] is not None:
        waited_s = (row["assigned_at"] - row["estimated_at"]).total_seconds()
        metrics.WAIT_ERROR.observe(waited_s - row["estimated_wait_s"])


def _claimed(row: Any, machine: Machine) -> Claimed:
    assignment = Assignment.model_validate(
        {
            "inspection_id": row["id"],
            "machine_id": machine.id,
            "inspection_type": row["inspection_type"],
            "pipeline_config": row["pipeline_config"],
            "priority": row["priority"],
            "is_continuous": row["is_continuous"],
            "lease": Lease(
                token=row["lease_token"],
                attempt=row["attempt_count"],
                expires_at=row["lease_expires_at"],
            ),
        }
    )
    return Claimed(
        assignment,
        _url_of(machine),
        has_failed_before=machine.push_failures > 0,
        request_id=row["request_id"],
        traceparent=row["traceparent"],
    )


def _url_of(machine: Machine) -> str:
    return f"{_address_of(machine)}/internal/inspections"


def _address_of(machine: Machine) -> str:
    host = machine.ip_address
    try:
        if ipaddress.ip_address(host).version == 6:
            host = f"[{host}]"
    except ValueError:
        pass  # a host name stands for itself
    return f"http://{host}:{machine.port}"


async def _block(session: AsyncSession, machine_id: str, answer: Answer) -> None:
    """The gateway's silence is not the machine's fault; a full machine is no broken one."""
    if answer.outcome == "full":
        await machines.pause(session, machine_id, for_s=_FULL_PAUSE_S)
    elif answer.outcome != "no_identity":
        await machines.block(session, machine_id, for_s=_DOWN_PAUSE_S, error=answer.text)


async def _give_back(session: AsyncSession, assignment: Assignment, answer: Answer) -> str | None:
    if answer.outcome == "unclear":
        return None
    return await queue.give_back(session, assignment.inspection_id, token=assignment.lease.token)


async def _fail(session: AsyncSession, assignment: Assignment, *, error: str) -> None:
    inspection = await inspections.get(session, assignment.inspection_id, lock=True)
    if inspection is None or inspection.lease_token != assignment.lease.token:
        return
    if inspection.status == "cancelled":
        inspection.lease_token = None
        return
    finish(inspection, "failed", error=error)
    await attempts.end(
        session, inspection.id, assignment.lease.attempt, outcome="failed", error=error
    )
    metrics.ATTEMPTS.labels("failed").inc()
