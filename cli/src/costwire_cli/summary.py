"""A ledger's entry in words: what came, what changed, whether it adds up, what to do next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from costwire_cli.output import say, write_table

FINDINGS_SHOWN = 5
_LABEL_WIDTH = 11
_STATES = {
    "committed": "committed",
    "unchanged": "unchanged: nothing to write, the store holds exactly this",
    "held": "held: stored, but not visible to readers until it is accepted",
    "superseded": "superseded: a newer state is in place, this one was recorded only",
    "rejected": "rejected: put away, readers never saw it",
    "aborted": "aborted: nothing was stored",
    "open": "open: not committed yet",
    "erased": "erased: these charges left every version",
    "retired": "retired: history that became too old has left",
}
Entry = Mapping[str, Any]


def summary(
    entry: Entry, hint: str, *, dry_run: bool = False, with_decisions: bool = False
) -> Iterator[str]:
    """The lines that tell of one delivery; `hint` names the store in suggested commands."""
    title = f"{entry['source']} -> {entry['table']}"
    yield f"{title}  (delivery {entry['commit']}, FOCUS {entry['focusVersion']})"
    state = _STATES.get(entry["state"]) or str(entry["state"])
    yield _labelled("state", f"would be {state}" if dry_run else state)
    if reason := entry.get("reason"):
        yield _labelled("reason", reason)
    if with_decisions:
        yield from _decisions(entry.get("decisions") or [])
    yield _labelled("rows", _rows(entry["rows"]))
    yield _labelled("changes", _changes(entry["rows"]))
    for number, (currency, columns) in enumerate(entry["sums"].items()):
        yield _labelled("" if number else "sums", f"{currency}  {_sums(columns)}")
    yield _labelled("balanced", _balance(entry))
    yield from _mapped(entry.get("mapped") or [])
    yield from _findings(entry["findings"])
    yield _labelled("next", _next(entry, hint, dry_run))


def write_ledger(entries: Sequence[Entry]) -> None:
    """A table with a line for every delivery."""
    if not entries:
        say("no deliveries yet")
        return
    headers = ["commit", "committed", "table", "source", "state", "read", "stored", "quarantined"]
    headers += ["added", "removed", "corrected", "unchanged", "BilledCost stored", "balanced"]
    figures = ("read", "stored", "quarantined", "added", "removed", "corrected", "unchanged")
    rows = [
        [
            str(entry["commit"]),
            (entry["times"].get("committed") or "")[:19],
            entry["table"],
            entry["source"],
            entry["state"],
            *[str(entry["rows"].get(name) or 0) for name in figures],
            _billed(entry["sums"]),
            "yes" if entry["balanced"] else "NO",
        ]
        for entry in entries
    ]
    write_table(headers, rows, [True, False, False, False, False, *[True] * 7, True, False])


def counted(number: int, noun: str) -> str:
    """A number of things.

    >>> counted(1, "charge"), counted(1200, "charge")
    ('1 charge', '1,200 charges')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _labelled(label: str, text: str) -> str:
    return f"  {label:<{_LABEL_WIDTH}}{text}"


def _rows(rows: Mapping[str, int | None]) -> str:
    read, stored, quarantined = (rows.get(name) or 0 for name in ("read", "stored", "quarantined"))
    erased = f" + {rows['erased']:,} erased" if rows.get("erased") else ""
    told = f"{read:,} read = {stored:,} stored + {quarantined:,} quarantined{erased}"
    held = rows.get("held") or 0
    return f"{told}; {held:,} of those stored are held back from readers" if held else told


def _decisions(decisions: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for number, decision in enumerate(decisions):
        by = decision.get("by") or "the handler"
        why = f": {decision['reason']}" if decision.get("reason") else ""
        told = f"{decision['at'][:19]}  {decision['act']} by {by}{why}"
        yield _labelled("" if number else "decisions", told)


def _changes(rows: Mapping[str, int | None]) -> str:
    names = ("added", "removed", "corrected", "unchanged")
    return ", ".join(f"{rows.get(name) or 0:,} {name}" for name in names)


def _sums(columns: Mapping[str, Mapping[str, str | None] | None]) -> str:
    return "  ".join(
        f"{name} {figures['stored']}" + _kept_back(figures.get("quarantined"))
        for name, figures in columns.items()
        if figures is not None and figures.get("stored") is not None
    )


def _kept_back(quarantined: str | None) -> str:
    return f" (+ {quarantined} quarantined)" if quarantined not in (None, "0") else ""


def _billed(sums: Mapping[str, Mapping[str, Any]]) -> str:
    stored = [
        f"{figures['stored']} {currency}"
        for currency, columns in sums.items()
        if (figures := columns.get("BilledCost")) and figures.get("stored") is not None
    ]
    return ", ".join(stored)


def _balance(entry: Entry) -> str:
    if not entry["balanced"]:
        return "NO: what is stored differs from what was read; please report this"
    return "yes: rows and sums agree exactly, from the report to the store"


def _mapped(mappings: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for number, mapping in enumerate(mappings):
        name, column, cells = mapping["name"], mapping["column"], mapping["cells"]
        old, new = mapping.get("value"), mapping.get("became")
        told = f"{name} -> {column}" if old is None else f"{name} {old!r} -> {column} {new!r}"
        yield _labelled("" if number else "mapped", f"{cells:>9,}  {told}")


def _findings(findings: Mapping[str, int]) -> Iterator[str]:
    by_count = sorted(findings.items(), key=lambda finding: (-finding[1], finding[0]))
    for number, (rule, count) in enumerate(by_count[:FINDINGS_SHOWN]):
        yield _labelled("" if number else "findings", f"{count:>9,}  {rule}")
    if rest := by_count[FINDINGS_SHOWN:]:
        yield _labelled("", f"{sum(count for _, count in rest):>9,}  by {len(rest)} other rules")


def _next(entry: Entry, hint: str, dry_run: bool) -> str:
    commit = entry["commit"]
    if dry_run:
        return "nothing was changed; leave --dry-run out to deliver"
    if entry["state"] == "held":
        return f"costwire deliveries accept {commit}{hint}   (or reject {commit})"
    if entry["rows"].get("quarantined"):
        return f"costwire deliveries show {commit}{hint}   lists the quarantined rows"
    query = f"SELECT count(*), sum(BilledCost) FROM {entry['table']}"  # noqa: S608 (only shown)
    return f'costwire sql "{query}"{hint}'
