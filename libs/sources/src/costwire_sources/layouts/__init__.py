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
            other = next((path for path in plan.others if is_report(path)), None)
            if other is not None and wanted.layout == "auto":
                raise Unreadable(
                    f"read {tree.root}: {other} is no part of the export {plan.export}; name the "
                    f"export's folder alone, set the layout {name} to read nothing else, or none "
                    "to read all files as one report"
                )
            return plan
        if wanted.layout == name:
            raise NotFound(
                f"read {tree.root}: it has no folders as {name} writes them ({looks_like}); name "
                "the export's folder"
            )
    paths = sorted(path for path in tree.files if is_report(path))
    return in_folders(tree.root, paths, wanted)
