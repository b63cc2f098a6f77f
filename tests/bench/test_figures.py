"""Figures of benchmarks: targets, rounds, and the table."""

import json
from dataclasses import asdict

import pytest
from bench.figures import Figure, merged, read, table


@pytest.mark.parametrize(
    ("figure", "is_met"),
    [
        (Figure("a", 70, "/s", bare=100, target=">=0.65"), True),
        (Figure("a", 60, "/s", bare=100, target=">=0.65"), False),
        (Figure("a", 13, "µs", bare=10, target="<=1.2"), False),
        (Figure("a", 0.1, "ms", target="<=0.2"), True),
        (Figure("a", 1, "ms", bare=2), None),
    ],
)
def test_a_target_is_of_the_ratio_or_of_the_figure_itself(
    figure: Figure, is_met: bool | None
) -> None:
    assert figure.is_met is is_met


def test_rounds_are_merged_to_medians_and_every_ratio_is_kept() -> None:
    rounds = [[Figure("a", ours, "/s", bare=10, target=">=2")] for ours in (10, 40, 30)]
    (figure,) = merged(rounds)
    assert (figure.ours, figure.bare, figure.ratio) == (30, 10, 3)
    assert figure.ratios == (1, 4, 3)
    assert figure.spread == "1.00–4.00"
    assert figure.is_met


def test_figures_come_back_as_they_were_printed() -> None:
    figures = [Figure("a", 1.5, "ms", bare=1.0, target="<=3", ratios=(1.5, 2.0))]
    assert read("some table\n" + json.dumps([asdict(one) for one in figures]) + "\n") == figures


def test_the_table_says_which_target_is_not_met() -> None:
    rows = list(table([Figure("slow", 2, "ms", target="<=1"), Figure("free", 2, "ms")]))
    assert rows[1].endswith("NOT MET")
    assert rows[2].endswith("ms")
