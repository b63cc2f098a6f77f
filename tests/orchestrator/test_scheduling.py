"""Scheduling, waits and verdicts as pure rules, for all inputs."""

import math
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from common.schemas.vision import ResultReport
from orchestrator.places import distance
from orchestrator.scheduling import Costs, Offer, Waiting, assign, choose, free_slots
from orchestrator.verdicts import Holding, Verdict, judge
from orchestrator.waiting import Bench, drained_after_s, estimate_waits

TYPES = ("blob", "edge", "colour")
seconds = st.floats(0, 1e4)
names = st.text(max_size=30)

costs = st.dictionaries(
    st.tuples(st.sampled_from(["m0", "m1", "m2", "m3"]), st.sampled_from(TYPES)),
    st.floats(0.001, 1e3),
).map(Costs)


@st.composite
def offers(draw: st.DrawFn) -> list[Offer]:
    """Up to four machines of which some are full."""
    made = []
    for number in range(draw(st.integers(0, 4))):
        slots = draw(st.integers(1, 4))
        made.append(
            Offer(
                machine_id=f"m{number}",
                location=draw(st.sampled_from(["A/1", "A/2", "B"])),
                types=draw(st.frozensets(st.sampled_from(TYPES))),
                tools=draw(st.none() | st.frozensets(st.sampled_from(["t", "u"]))),
                slots=slots,
                free=draw(st.integers(0, slots)),
                load_s=draw(st.floats(0, 100)),
            )
        )
    return made


@st.composite
def waiting(draw: st.DrawFn) -> Waiting:
    """An inspection of any kind."""
    return Waiting(
        id=draw(st.uuids().map(str)),
        inspection_type=draw(st.sampled_from(TYPES)),
        tools=draw(st.frozensets(st.sampled_from(["t", "u"]))),
        target_machine_id=draw(st.none() | st.sampled_from(["m0", "m1"])),
        location=draw(st.sampled_from(["A/1", "B", ""])),
        strategy=draw(st.sampled_from(["load_balanced", "nearest", "specialized"])),
        preferred=draw(st.frozensets(st.sampled_from(["m0", "m2", "m9"]))),
    )


@given(st.lists(waiting(), max_size=20), offers(), costs)
def test_no_slot_is_given_twice_and_nothing_to_who_cannot_do_it(
    queue: list[Waiting], machines: list[Offer], measured: Costs
) -> None:
    free = {offer.machine_id: offer.free for offer in machines}
    given_out = assign(queue, machines, measured)
    assert len({one.id for one, _ in given_out}) == len(given_out)
    for one, offer in given_out:
        assert offer.fits(one)
        free[offer.machine_id] -= 1
    assert all(left >= 0 for left in free.values())
    assert free == {offer.machine_id: offer.free for offer in machines}


@given(st.lists(waiting(), max_size=20), offers(), costs)
def test_no_machine_idles_while_something_waits_that_it_can_do(
    queue: list[Waiting], machines: list[Offer], measured: Costs
) -> None:
    done = {one.id for one, _ in assign(queue, machines, measured)}
    for one in queue:
        if one.id not in done:
            assert not any(offer.free and offer.fits(one) for offer in machines)


@given(st.lists(waiting(), min_size=2, max_size=20), offers(), costs)
def test_who_stands_first_gets_what_it_would_get_alone(
    queue: list[Waiting], machines: list[Offer], measured: Costs
) -> None:
    alone = choose(queue[0], machines, measured)
    expected = alone.machine_id if alone else None
    first = next((o.machine_id for one, o in assign(queue, machines, measured)
                  if one.id == queue[0].id), None)  # fmt: skip
    assert first == expected


@given(waiting(), offers(), costs, st.randoms())
def test_the_choice_does_not_depend_on_the_order_of_the_machines(
    inspection: Waiting, machines: list[Offer], measured: Costs, dice: object
) -> None:
    before = choose(inspection, machines, measured)
    dice.shuffle(machines)  # type: ignore[attr-defined]  # hypothesis types its Random as object
    after = choose(inspection, machines, measured)
    assert before is after


@given(waiting(), offers(), costs)
def test_preferred_machines_go_first(
    inspection: Waiting, machines: list[Offer], measured: Costs
) -> None:
    chosen = choose(inspection, machines, measured)
    able = {o.machine_id for o in machines if o.free and o.fits(inspection)}
    if able & inspection.preferred:
        assert chosen is not None
        assert chosen.machine_id in inspection.preferred


@given(st.integers(1, 10), st.integers(0, 20), st.integers(0, 20))
def test_capacity_never_goes_below_nothing(slots: int, leases: int, reported: int) -> None:
    left = free_slots(slots, leases=leases, reported=reported)
    assert 0 <= left <= slots
    assert left == 0 or left + leases <= slots


@given(seconds, st.lists(seconds, min_size=1, max_size=8))
def test_the_work_ahead_is_done_exactly_when_the_slots_have_drained_it(
    work_s: float, slots: list[float]
) -> None:
    wait = drained_after_s(work_s, slots)
    assert wait is not None
    assert wait >= min(slots) - 1e-6
    drained = sum(max(0.0, wait - slot) for slot in slots)
    assert math.isclose(drained, work_s, rel_tol=1e-6, abs_tol=1e-3) or wait == min(slots)


@given(seconds, seconds, st.lists(seconds, min_size=1, max_size=8))
def test_more_work_ahead_never_shortens_a_wait(
    less: float, more: float, slots: list[float]
) -> None:
    less, more = sorted((less, more))
    shorter, longer = drained_after_s(less, slots), drained_after_s(more, slots)
    assert shorter is not None
    assert longer is not None
    assert shorter <= longer + 1e-6


@given(st.lists(waiting(), max_size=15), offers(), costs)
def test_waits_are_told_exactly_where_some_machine_could_come_free(
    queue: list[Waiting], machines: list[Offer], measured: Costs
) -> None:
    benches = [Bench(offer, (0.0,) * offer.slots) for offer in machines]
    waits = estimate_waits(queue, benches, measured)
    for one, wait in zip(queue, waits, strict=True):
        assert (wait is not None) == any(offer.fits(one) for offer in machines)
        assert wait is None or wait >= 0
    if waits and waits[0] is not None:
        assert waits[0] == 0, "with every slot free the first waits for nothing"


def test_a_live_source_never_frees_its_slot() -> None:
    offer = Offer("m0", "", frozenset(), None, slots=1, free=0)
    assert estimate_waits([Waiting("i", "blob")], [Bench(offer, (math.inf,))], Costs()) == [None]


def test_waits_add_up_over_the_slots() -> None:
    measured = Costs({("m0", "blob"): 10.0})
    offer = Offer("m0", "", frozenset(), None, slots=2, free=0)
    queue = [Waiting(str(n), "blob") for n in range(5)]
    waits = estimate_waits(queue, [Bench(offer, (4.0, 8.0))], measured)
    assert waits == [4.0, 11.0, 16.0, 21.0, 26.0]


@given(names, names)
def test_distances_are_symmetric_and_nothing_is_nearer_than_the_place_itself(
    one: str, other: str
) -> None:
    assert distance(one, one) == 0
    assert distance(one, other) == distance(other, one)
    assert distance(one, other) >= 0


def test_distances_follow_the_path_before_the_words() -> None:
    here = "Fábrica 1 / Linha A / Posto 3"
    order = [here, "fábrica 1/linha a/posto 9", "Fábrica 1 / Linha B", "Posto 3 da Fábrica 2", "X"]
    found = [distance(here, place) for place in order]
    assert found == sorted(found)
    assert len(set(found)) == len(found)
    assert distance("0, 0", "3, 4") == 5


@given(
    st.sampled_from(["processing", "completed", "failed", "cancelled"]),
    st.sampled_from(["pending", "assigned", "processing", "completed", "failed", "cancelled"]),
    st.sampled_from([None, "mine", "old"]),
    st.sampled_from([None, "mine", "newer"]),
    st.sampled_from([None, 1, 2]),
    st.sampled_from(["me", "other", None]),
    st.booleans(),
)
def test_only_the_current_lease_counts(
    said: str,
    status: str,
    shown: str | None,
    lease: str | None,
    attempt: int | None,
    holder: str | None,
    has_held: bool,
) -> None:
    report = ResultReport.model_validate(
        {
            "machine_id": "me",
            "inspection_id": "i",
            "status": said,
            "timestamp": datetime.now(UTC),
            "lease_token": shown,
            "attempt": attempt,
        }
    )
    holding = Holding(status=status, machine_id=holder, lease_token=lease, attempt=2)
    verdict = judge(report, holding, has_held=has_held)
    is_current = (
        lease is not None and holder == "me" and shown in (None, lease) and attempt in (None, 2)
    )
    if not is_current:
        assert verdict is (Verdict.LATE if has_held else Verdict.STRANGER)
    if verdict.is_accepted:
        assert is_current
    if status == "cancelled" and said != "cancelled":
        assert not verdict.is_accepted
