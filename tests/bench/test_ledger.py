"""What was promised against what is stored."""

from bench.load.ledger import compare, compare_stream


def test_what_was_acknowledged_and_is_not_stored_is_lost() -> None:
    verdict = compare("readings", [1, 2, 3], stored=[1, 3])
    assert verdict.lost == ["2"]
    assert not verdict.holds


def test_what_is_stored_twice_is_doubled_even_when_nobody_was_told() -> None:
    verdict = compare("readings", [1], stored=[1, 2, 2])
    assert verdict.doubled == ["2"]
    assert not verdict.holds


def test_what_is_stored_without_an_answer_is_no_fault() -> None:
    verdict = compare("readings", [1], stored=[1, 2])
    assert verdict.holds
    assert (verdict.acknowledged, verdict.stored) == (1, 2)


def test_a_note_alone_breaks_a_verdict() -> None:
    assert not compare("frames", [], stored=[], notes=["one stay has become 2"]).holds


def test_a_viewer_has_to_see_every_event_up_to_its_last() -> None:
    verdict = compare_stream("viewer", [1, 4], stream=[1, 2, 4, 9])
    assert verdict.lost == ["2"]


def test_a_viewer_that_was_told_to_resync_has_lost_nothing_in_that_gap() -> None:
    assert compare_stream("viewer", [1, 6], stream=[1, 3, 5, 6], excused=[(1, 6)]).holds


def test_an_event_that_comes_twice_or_late_is_told() -> None:
    verdict = compare_stream("viewer", [1, 3, 2, 3], stream=[1, 2, 3])
    assert verdict.doubled == ["3"]
    assert verdict.notes == ["2 came after 3"]
