"""Whether memory grows."""

import pytest
from bench.trend import trend


def test_a_straight_line_is_found_exactly() -> None:
    line = trend([(s, 100 + s / 3600 * 12) for s in range(0, 1200, 10)])
    assert line.slope_mib_h == pytest.approx(12)
    assert line.error_mib_h == pytest.approx(0, abs=1e-6)
    assert not line.is_flat


def test_noise_around_a_level_is_flat() -> None:
    assert trend([(s, 100 + (s // 10 % 2)) for s in range(0, 1200, 10)]).is_flat


def test_a_twentieth_of_its_size_in_an_hour_is_allowed() -> None:
    assert trend([(s, 200 + s / 3600 * 9) for s in range(0, 1200, 10)]).is_flat


def test_two_samples_make_no_line() -> None:
    with pytest.raises(ValueError, match="three samples"):
        trend([(0, 1), (1, 2)])
    with pytest.raises(ValueError, match="one moment"):
        trend([(1, 1), (1, 2), (1, 3)])
