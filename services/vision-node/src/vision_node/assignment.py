"""Which of these belongs to which of those, so that the sum of likeness is the greatest.

Kuhn and Munkres by shortest augmenting paths (Jonker and Volgenant, 1987). Most pairs are clear:
only groups in which several claim the same are solved, and those are small.
"""

from collections import defaultdict
from math import inf

import numpy as np
from numpy.typing import NDArray


def assign(likeness: NDArray[np.float64], *, least: float) -> list[tuple[int, int]]:
    """`(N, M)` → pairs of row and column, none below `least`, each row and column once."""
    rows, columns = (found.tolist() for found in np.nonzero(likeness >= least))
    if len(set(rows)) == len(rows) and len(set(columns)) == len(columns):
        return list(zip(rows, columns, strict=True))
    found = []
    for group_rows, group_columns in _groups(rows, columns):
        part = likeness[np.ix_(group_rows, group_columns)]
        costs = (-np.where(part >= least, part, 0.0)).tolist()
        found += [
            (group_rows[row], group_columns[column])
            for row, column in cheapest(costs)
            if part[row, column] >= least
        ]
    return found


def _groups(rows: list[int], columns: list[int]) -> list[tuple[list[int], list[int]]]:
    """Rows and columns that are joined by pairs, directly or through others."""
    beside: dict[tuple[bool, int], list[tuple[bool, int]]] = defaultdict(list)
    for row, column in zip(rows, columns, strict=True):
        beside[True, row].append((False, column))
        beside[False, column].append((True, row))
    groups, seen = [], set[tuple[bool, int]]()
    for start in beside:
        if start in seen:
            continue
        waiting, group = [start], {start}
        while waiting:
            for other in beside[waiting.pop()]:
                if other not in group:
                    group.add(other)
                    waiting.append(other)
        seen |= group
        groups.append(
            (
                sorted(n for is_row, n in group if is_row),
                sorted(n for is_row, n in group if not is_row),
            )
        )
    return groups


def cheapest(costs: list[list[float]]) -> list[tuple[int, int]]:
    """The pairing of the least total cost; as many pairs as the shorter side has."""
    if not costs or not costs[0]:
        return []
    if len(costs) > len(costs[0]):
        turned = [list(column) for column in zip(*costs, strict=True)]
        return [(row, column) for column, row in cheapest(turned)]
    width = len(costs[0])
    of_row, of_column = [0.0] * (len(costs) + 1), [0.0] * (width + 1)
    owner = [0] * (width + 1)
    for row in range(1, len(costs) + 1):
        owner[0] = row
        _augment(costs, owner, of_row=of_row, of_column=of_column)
    return [(owner[column] - 1, column - 1) for column in range(1, width + 1) if owner[column]]


def _augment(
    costs: list[list[float]], owner: list[int], *, of_row: list[float], of_column: list[float]
) -> None:
    """Find the row in `owner[0]` a column, moving others where that is cheaper."""
    width = len(of_column)
    least, way, used = [inf] * width, [0] * width, [False] * width
    at = 0
    while True:
        used[at] = True
        row, step, following = owner[at], inf, 0
        line = costs[row - 1]
        for column in range(1, width):
            if used[column]:
                continue
            reduced = line[column - 1] - of_row[row] - of_column[column]
            if reduced < least[column]:
                least[column], way[column] = reduced, at
            if least[column] < step:
                step, following = least[column], column
        for column in range(width):
            if used[column]:
                of_row[owner[column]] += step
                of_column[column] -= step
            else:
                least[column] -= step
        at = following
        if not owner[at]:
            break
    while at:
        owner[at], at = owner[way[at]], way[at]
