"""Runs in the official validator's own environment: paths in, a line of JSON for each out.

`official_driver.py CRITERIA MENDED PATH...`, started in the folder that holds `focus_validator`,
where that looks for its list of currencies. MENDED are the names of the tool's defects to mend, by
commas. Imports nothing of Costwire.
"""

import contextlib
import io
import json
import logging
import os
import sys


def main() -> None:
    """Validate each file with the model for 1.2 that the package ships; nothing is fetched."""
    import duckdb
    from focus_validator.validator import Validator
    from official_mending import mend

    logging.disable()
    criteria, mended, *paths = sys.argv[1:]
    mend(filter(None, mended.split(",")))
    for path in paths:
        silent = io.StringIO()
        with contextlib.redirect_stdout(silent):
            validator = Validator(
                data_filename=path,
                output_type="unittest",
                output_destination=os.devnull,
                focus_dataset="CostAndUsage",
                rules_version="1.2",
                rules_block_remote_download=True,
                applicability_criteria=criteria,
            )
            validator.load()
            results = validator.spec_rules.validate(
                validator.focus_data,
                data_filename=path,
                connection=duckdb.connect(config={"threads": 1}),
            )
        line = json.dumps({"path": path, "verdicts": verdicts(results)})
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def verdicts(results):
    """`passed`, `failed`, `skipped` or `errored` by rule, as its JUnit report tells them."""
    found = {}
    for rule, entry in results.by_rule_id.items():
        details = entry.get("details", {})
        if details.get("skipped"):
            found[rule] = "skipped"
        elif entry["ok"]:
            found[rule] = "passed"
        else:
            wrong = details.get("error") or details.get("missing_columns")
            found[rule] = "errored" if wrong else "failed"
    return found


main()
