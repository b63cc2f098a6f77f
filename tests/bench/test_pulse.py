"""How long a fault was felt."""

from bench.load.pulse import Pulse, recovery_s


def test_what_was_under_way_when_the_fault_came_proves_nothing() -> None:
    pulse = Pulse("readings")
    pulse.good(9.0, ended=10.5)
    assert pulse.recovered_at(10.0) is None
    pulse.good(10.5, ended=11.0)
    assert pulse.recovered_at(10.0) == 11.0


def test_an_acknowledgement_before_a_later_failure_is_no_recovery() -> None:
    pulse = Pulse("readings")
    pulse.good(10.1, ended=10.2)
    pulse.bad(10.3, "503", ended=10.4)
    assert pulse.recovered_at(10.0) is None
    pulse.good(12.0, ended=12.5)
    pulse.good(13.0, ended=13.5)
    assert pulse.recovered_at(10.0) == 12.5


def test_failures_before_the_fault_do_not_count_against_it() -> None:
    pulse = Pulse("readings")
    pulse.bad(1.0, "503", ended=2.0)
    pulse.good(10.0, ended=10.1)
    assert pulse.recovered_at(10.0) == 10.1


def test_a_kind_is_served_when_its_last_client_is() -> None:
    first, second, other = Pulse("readings"), Pulse("readings"), Pulse("viewer")
    first.good(10.0, ended=11.0)
    other.good(10.0, ended=10.5)
    assert recovery_s([first, second, other], 10.0) is None
    second.good(13.0, ended=14.0)
    assert recovery_s([first, second, other], 10.0) == {"readings": 4.0, "viewer": 0.5}
