"""Costwire's rules beside the official validator: the same files, broken in the same ways.

`bench/validators.py [FILE...]` wants COSTWIRE_TEST_FOCUS_VALIDATOR, the command `focus-validator`
of an environment of its own (Python 3.12). Sample estates of five clouds, and the first rows of
each FILE (CSV of FOCUS 1.2), are broken in 117 ways, many in one file. The tool judges them as it
is shipped, with all its known defects mended, and some with each defect mended alone. Prints the
tables of `docs/validator-comparison.md`; ends with 1 where a difference has no reason, or stays
when the defect that it is put down to is mended.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support.breaker import BREAKS
from tests.support.broken_files import packs, right_report
from tests.support.official import Case, Official, Tallies, broken_case, compare, differences
from tests.support.official_defects import DEFECTS, OURS, Difference, Side, has_reason

CLOUDS = ("aws", "azure", "gcp", "oci", "saas")


def main() -> int:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE")
    args = parser.parse_args()
    official = Official(Path(os.environ["COSTWIRE_TEST_FOCUS_VALIDATOR"]))
    with tempfile.TemporaryDirectory(prefix="costwire-validators-") as temporary:
        folder = Path(temporary)
        reports = [*(right_report(cloud, folder) for cloud in CLOUDS), *args.files]
        cases = [broken_case(path, folder / path.stem, packs(BREAKS)) for path in reports]
        shipped: Tallies = {}
        mended: Tallies = {}
        for one in cases:
            compare(official, one, (), shipped)
            compare(official, one, DEFECTS, mended)
        seen, left = differences(shipped), differences(mended)
        unproven = not_mended_alone(official, cases, seen)
    sys.stdout.write(
        f"{sum(len(one.found) for one in cases)} files of {len(cases)} reports, {len(BREAKS)} ways."
        f"\nAs it is shipped: {summary(shipped)}\n"
        f"With its {len(DEFECTS)} defects mended: {summary(mended)}\n\n"
    )
    sys.stdout.write("\n".join([*defects_table(seen), "", *left_table(left), ""]))
    unexplained = [one for one in seen if not has_reason(one)] + [one for one in left.keys() - OURS]
    stale = set().union(OURS, *(defect.makes for defect in DEFECTS.values())) - seen.keys()
    for problem, found in (
        ("without a reason", unexplained),
        ("its defect, mended alone, leaves it", unproven),
        ("has a reason and was not seen", sorted(stale)),
    ):
        for rule, side in found:
            paths = {**seen, **left}.get((rule, side), ())
            files = ", ".join(f"{path.parent.name}/{path.name}" for path in paths)
            sys.stdout.write(f"{problem}: {rule}, {side} alone {files}\n")
    return int(bool(unexplained or unproven))


def not_mended_alone(
    official: Official, cases: Sequence[Case], seen: Mapping[Difference, Sequence[Path]]
) -> list[Difference]:
    """The differences that stay on every file tried, one of each case, with their defect mended."""
    unproven: list[Difference] = []
    for name, defect in DEFECTS.items():
        left = {
            difference: paths for difference, paths in seen.items() if difference in defect.makes
        }
        for one in cases:
            first = {
                difference: next(path for path in paths if path in one.found)
                for difference, paths in left.items()
                if not one.found.keys().isdisjoint(paths)
            }
            after: Tallies = {}
            compare(official, one.only(first.values()), (name, *defect.beside), after)
            stays = differences(after)
            left = {
                difference: paths
                for difference, paths in left.items()
                if difference not in first or first[difference] in stays.get(difference, ())
            }
        unproven += left
    return unproven


def summary(tallies: Tallies) -> str:
    """How much differs."""
    rules = sum(bool(tally.only) for tally in tallies.values())
    apart = sum(len(paths) for paths in differences(tallies).values())
    verdicts = apart + sum(tally.same for tally in tallies.values())
    return (
        f"{rules} of {len(tallies)} rules differ ({rules / len(tallies):.1%}), "
        f"{apart} of {verdicts} verdicts."
    )


def defects_table(seen: Mapping[Difference, Sequence[Path]]) -> Iterator[str]:
    """What each defect of the tool turns, and on how many files."""
    yield "| the official validator | FOCUS 1.2 | it alone fails | it alone passes |"
    yield "| --- | --- | --- | --- |"
    for defect in DEFECTS.values():
        rules = [
            ", ".join(
                f"`{rule}` ({len(paths)})"
                for (rule, who), paths in seen.items()
                if who is side and (rule, who) in defect.makes
            )
            for side in Side
        ]
        yield f"| {defect.told} | {defect.focus} | {' | '.join(rules)} |"


def left_table(left: Mapping[Difference, Sequence[Path]]) -> Iterator[str]:
    """What the mended tool still judges in another way."""
    yield "| rule | found by | files | why |"
    yield "| --- | --- | --- | --- |"
    for (rule, side), paths in left.items():
        why = OURS.get((rule, side), "**unknown**")
        yield f"| `{rule}` | {side} alone | {len(paths)} | {why} |"


if __name__ == "__main__":
    raise SystemExit(main())
