"""`costwire quarantine`: rows that could not be used, from the list to their return."""

from __future__ import annotations

import base64
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

from costwire_cli.errors import FAILED, QUARANTINED, SETTLED, WRONG_USE, CommandError
from costwire_cli.handler_api import HandlerApi, Json
from costwire_cli.output import say, write_json, write_table
from costwire_cli.sheets import put, read_sheet, refuse_edited, write_sheets
from costwire_cli.store import data_option, open_store
from costwire_cli.summary import counted, summary
from costwire_cli.whole_file import is_special, write_whole

_RAW_SHOWN = 200
_COSTS = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")


def run(args: Namespace) -> int:
    """Do what the action says."""
    with open_store(args) as api:
        action = {
            "list": _list,
            "show": _show,
            "export": _export,
            "fix": _fix,
            "replay": _replay,
        }[args.action]
        return action(api, args)


def _list(api: HandlerApi, args: Namespace) -> int:
    found = api.quarantines(args.table)
    if args.format == "json":
        write_json({"deliveries": found})
        return SETTLED
    if not found:
        say("nothing is in quarantine")
        return SETTLED
    write_table(
        ["delivery", "table", "source", "rule", "column", "rows", "money unknown"],
        [
            [
                str(each["commit"]),
                each["table"],
                each["source"],
                rule["rule"],
                rule["column"] or "",
                f"{rule['rows']:,}",
                f"{rule['unknown']:,}",
            ]
            for each in found
            for rule in each["rules"]
        ],
        [True, False, False, False, False, True, True],
    )
    say()
    for each in found:
        money = [
            f"{currency} {'  '.join(f'{name} {lines[name]}' for name in _COSTS if name in lines)}"
            for currency, lines in each["sums"].items()
        ]
        number = each["unknown"]
        unknown = f"; of {counted(number, 'row')} BilledCost is unknown" if number else ""
        told = "; ".join(money) or "none"
        say(f"delivery {each['commit']}: known money {told}{unknown}")
    say(f"next: costwire quarantine export {found[0]['commit']}{_hint(args)} --output file.csv")
    return SETTLED


def _show(api: HandlerApi, args: Namespace) -> int:
    rows = api.quarantined_rows(args.commit, args.rows, rule=args.rule)
    if args.format == "json":
        write_json({"rows": rows})
        return SETTLED
    if not rows:
        say("none of its rows is in quarantine")
        return SETTLED
    sentences = _sentences()
    for row in rows:
        place = f"{row['file']}:{row['line']}" if row["file"] else f"charge {row['line']}"
        column = f", column {row['column']}" if row["column"] else ""
        say(f"row {row['row']}  {place}{column}")
        if sentence := sentences.get(row["rule"]):
            say(f"  {row['rule']}: {sentence}")
        say(f"  {row['reason']}")
        say(f"  {_shown(row['raw'])}")
    say()
    say(f"{counted(len(rows), 'row')} shown; --rows shows more, --format json whole bytes")
    return SETTLED


def _sentences() -> dict[str, str]:
    """rule id -> what it says"""
    # The rules take long to import, and few commands show them.
    from costwire_focus.rules import all_rules

    return {rule.id: rule.sentence for rule, _ in all_rules()}


def _shown(raw: str) -> str:
    """Bytes as text; those that are none are spelled out."""
    if not raw:
        return "(erased)"
    data = base64.b64decode(raw)
    text = data[:_RAW_SHOWN].decode("utf-8", "backslashreplace")
    more = f"... ({len(data):,} bytes)" if len(data) > _RAW_SHOWN else ""
    return text + more


def _export(api: HandlerApi, args: Namespace) -> int:
    if not args.force:
        refuse_edited(args.output)
    with api.quarantine_sheet(args.commit) as pieces:
        sheets = write_sheets(args.output, pieces, force=args.force)
    if is_special(args.output):  # perhaps standard output, where the sheet stands alone
        return SETTLED
    names = " ".join(map(str, sheets))
    again = f"{args.commit} {names}{_hint(args)}"
    say(f"written to {names}; set the cells right, and take out the rows that are to stay")
    say(f"next: costwire quarantine fix {again}   then: costwire quarantine replay {again}")
    return SETTLED


def _fix(api: HandlerApi, args: Namespace) -> int:
    if args.where_rule and not args.set:
        raise CommandError("fix: --where-rule says where --set puts its values", status=WRONG_USE)
    broken = _of_each_sheet(args, lambda path: _check(api, args, path))
    if args.format != "json" and not broken:
        names = " ".join(map(str, args.sheets))
        say(f"next: costwire quarantine replay {args.commit} {names}{_hint(args)}")
    return FAILED if broken else SETTLED


def _of_each_sheet(args: Namespace, act: Callable[[Path], Json]) -> int:
    """Do something with each sheet; gives how many rows are broken. JSON is one document."""
    told: list[Json] = []
    try:
        for path in args.sheets:
            told.append({"sheet": str(path), **act(path)})
    finally:
        # What was done stays done where a later sheet is refused.
        if args.format == "json" and told:
            write_json({"sheets": told})
    return sum(each["brokenRows"] for each in told)


def _check(api: HandlerApi, args: Namespace, path: Path) -> Json:
    """Fill a sheet in and have it checked; one that the handler does not take stays as it was."""
    sheet, changed = read_sheet(path), 0
    if args.set:
        changed, sheet = put(sheet, dict(args.set), args.where_rule)
    answer = api.replay(args.commit, sheet, {"dryRun": "true", "partial": "true"})
    if changed:
        write_whole(path, [sheet])
    if args.format != "json":
        if args.set:
            say(f"{counted(changed, 'row')} of {path} changed")
        _tell_broken(answer)
        fine = answer["rows"] + answer["corrected"]
        say(f"{counted(fine, 'row')} can be replayed, {answer['unchanged']:,} were before")
    return {"changed": changed, **answer}


def _replay(api: HandlerApi, args: Namespace) -> int:
    asked = {"partial": "true"} if args.partial else {}
    asked |= {"closed": "accept"} if args.into_closed else {}

    def replay(path: Path) -> Json:
        answer = api.replay(args.commit, read_sheet(path), asked)
        if args.format != "json":
            _tell_broken(answer)
            say(
                f"{counted(answer['rows'], 'row')} left the quarantine, {answer['corrected']:,} "
                f"corrected, {answer['unchanged']:,} were there before"
            )
            for line in summary(answer["entry"], _hint(args), with_decisions=True):
                say(line)
        return answer

    return QUARANTINED if _of_each_sheet(args, replay) else SETTLED


def _tell_broken(answer: Json) -> None:
    for broken in answer["broken"]:
        row = f"row {broken['row']}" if broken["row"] else "a row"
        rule = f"{broken['rule']}: " if broken["rule"] else ""
        say(f"line {broken['line']}, {row}: {rule}{broken['reason']}")
    more = answer["brokenRows"] - len(answer["broken"])
    if more > 0:
        say(f"and {more:,} more")
    if answer["brokenRows"]:
        say(f"{counted(answer['brokenRows'], 'row')} still broken")


def _hint(args: Namespace) -> str:
    """The options that name the store in a suggested command."""
    return f" --store {_bare(args.store)}" if args.store else data_option(args.data)


def _bare(url: str) -> str:
    """An address without user and password."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
