"""Costwire's rules beside the official validator: the same files, broken in the same ways.

`bench/validators.py FILE...` wants COSTWIRE_TEST_FOCUS_VALIDATOR, the command `focus-validator` of
an environment of its own (Python 3.12). Each FILE is a report of FOCUS 1.2, of which the first rows
are taken as they are and broken in 113 ways, several in one file. Prints the table of
`docs/validator-comparison.md`; ends with 1 where a difference has no reason yet.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support.breaker import BREAKS
from tests.support.official import Official, Tally, broken_files, compare, packs
from tests.support.official_defects import reason

ROWS = 80


def main() -> int:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--at-once", type=int, default=14, help="ways in one file (default: 14)")
    args = parser.parse_args()
    official = Official(Path(os.environ["COSTWIRE_TEST_FOCUS_VALIDATOR"]))
    tallies: dict[str, Tally] = {}
    groups = packs(BREAKS, args.at_once)
    for base in args.files:
        with tempfile.TemporaryDirectory(prefix="costwire-validators-") as folder:
            compare(official, broken_files(base, Path(folder), groups, ROWS), tallies)
    files = len(args.files) * (len(groups) + 1)
    sys.stdout.write("\n".join(report(tallies, len(BREAKS), files)) + "\n")
    return int(any(tally.differs and not reason(rule) for rule, tally in tallies.items()))


def report(tallies: Mapping[str, Tally], ways: int, files: int) -> list[str]:
    """The summary, and a line for each rule on which a verdict differed."""
    differ = {rule: tally for rule, tally in sorted(tallies.items()) if tally.differs}
    same = sum(tally.same for tally in tallies.values())
    other = sum(len(t.only_official) + len(t.only_costwire) for t in tallies.values())
    lines = [
        f"{files} files, {ways} ways; {len(tallies)} rules of the official model gave verdicts. "
        f"On {len(tallies) - len(differ)} of them every verdict is the same, on {len(differ)} one "
        f"or more differ: {other} of {same + other} verdicts. Without a reason: "
        f"{len([rule for rule in differ if not reason(rule)])}.",
        "",
        "| rule | same | only the official one fails | only Costwire finds it | why |",
        "| --- | --- | --- | --- | --- |",
    ]
    for rule, tally in differ.items():
        only = f"{len(tally.only_official)} | {len(tally.only_costwire)}"
        lines.append(f"| `{rule}` | {tally.same} | {only} | {reason(rule) or '**unknown**'} |")
    return lines


if __name__ == "__main__":
    raise SystemExit(main())
