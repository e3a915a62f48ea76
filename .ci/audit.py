"""Holds the locked packages against the advisories that the package index knows.

Exit status 1: a known weakness. Where the index has no advisories nothing was looked at: that is
said, and is a failure only with `--required`.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LOCK = Path(__file__).parents[1] / "requirements.lock"
SECONDS = 300
TOOL = ("uvx", "pip-audit==2.10.1", "--progress-spinner=off", "--format=json")


def verdict(report: Mapping[str, Any], *, required: bool) -> tuple[int, list[str]]:
    """Exit status and lines for a person, of pip-audit's JSON report."""
    packages = report["dependencies"]
    unknown = [each["name"] for each in packages if "skip_reason" in each]
    found = [
        f"{each['name']} {each['version']}: {flaw['id']}, mended in "
        f"{', '.join(flaw['fix_versions']) or 'no version yet'}"
        for each in packages
        for flaw in each.get("vulns", ())
    ]
    if len(unknown) == len(packages):
        return int(required), ["audit: not done; the package index here knows no advisories"]
    lines = [f"audit: {len(packages) - len(unknown)} packages looked up, {len(found)} weaknesses"]
    if unknown:
        lines.append(f"audit: not known to the index: {', '.join(unknown)}")
    return int(bool(found) or (required and bool(unknown))), lines + found


def main() -> int:
    """Run the audit."""
    required = "--required" in sys.argv[1:]
    try:
        done = subprocess.run(  # noqa: S603 -- our own command
            [*TOOL, "--disable-pip", "--require-hashes", f"--requirement={LOCK}"],
            stdout=subprocess.PIPE,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        report = json.loads(done.stdout)
    except (ValueError, OSError, subprocess.TimeoutExpired) as error:
        sys.stdout.write(f"audit: not done; pip-audit gave no report ({type(error).__name__})\n")
        return int(required)
    status, lines = verdict(report, required=required)
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return status


if __name__ == "__main__":
    sys.exit(main())
