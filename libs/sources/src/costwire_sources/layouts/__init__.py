"""How providers lay out their exports: which files are the report now, and of which months.

A layout sees names, sizes and times, and asks for the text of manifests; it opens nothing itself.
"""

from collections.abc import Callable

from costwire_sources.errors import NotFound, Unreadable
from costwire_sources.layouts import aws, azure
from costwire_sources.layouts.folders import in_folders
from costwire_sources.layouts.plan import LAYOUTS, Layout, Listed, Plan, Wanted
from costwire_sources.layouts.tree import Seen, Tree

__all__ = ["LAYOUTS", "Layout", "Listed", "Plan", "Seen", "Tree", "Wanted", "find_report"]

_WITH_MANIFESTS = {
    "aws": (aws.read, "data/BILLING_PERIOD=YYYY-MM/ beside metadata/BILLING_PERIOD=YYYY-MM/"),
    "azure": (azure.read, "YYYYMMDD-YYYYMMDD/<run>/manifest.json"),
}


def find_report(tree: Tree, wanted: Wanted, is_report: Callable[[str], bool]) -> Plan:
    """What the files below a root mean; a plan without files where none of them is a report.

    `is_report`: whether a file is one, where no manifest tells.
    Raises: `Incomplete` while a run is being written; `Unreadable`, `NotFound`.
    """
    for name, (read, looks_like) in _WITH_MANIFESTS.items():
        if wanted.layout not in ("auto", name):
            continue
        if (plan := read(tree, wanted.months)) is not None:
            if wanted.layout == "auto":
                _refuse_others(tree, plan, is_report)
            return plan
        if wanted.layout == name:
            raise NotFound(
                f"read {tree.root}: it has no folders as {name} writes them ({looks_like}); name "
                "the export's folder"
            )
    paths = sorted(path for path in tree.files if is_report(path))
    return in_folders(tree.root, paths, wanted)


def _refuse_others(tree: Tree, plan: Plan, is_report: Callable[[str], bool]) -> None:
    """Raise `Unreadable` when reports lie beside an export: nothing says what they are to it."""
    for full, path in sorted(tree.full.items()):
        if not full.startswith(f"{plan.export}/") and is_report(path):
            raise Unreadable(
                f"read {tree.root}: {path} lies beside the export {plan.export}; name that folder "
                "alone, or set the layout none to read all files as one report"
            )
