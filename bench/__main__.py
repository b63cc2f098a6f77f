"""`python -m bench [--rounds N] [NAME …]`: every benchmark, one table; ratios are what counts.

Rounds repeat each benchmark; the spread is then the least and most of the rounds' ratios. A missed
target is told and is no error (the machine may be busy); a benchmark that fails is one.
"""

import argparse
import sys

from bench.figures import machine, table
from bench.suite import SUITE, results


def main() -> None:
    """Run, print one table."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("only", nargs="*", metavar="NAME", help=", ".join(b.module for b in SUITE))
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    before = list(machine())
    found = []
    for result in results(only=options.only, rounds=options.rounds):
        told = result.problem or f"{len(result.figures)} figures"
        print(f"bench.{result.bench.module}: {result.seconds:.0f} s, {told}", file=sys.stderr)
        found.append(result)
    print("before:", *before, sep="\n  ")
    print("after:", next(iter(machine())), sep="\n  ")
    print(*table([figure for result in found for figure in result.figures]), sep="\n")
    failed = [result.bench.module for result in found if result.problem]
    if failed:
        print(f"failed: {', '.join(failed)}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
