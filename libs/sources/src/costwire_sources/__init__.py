"""Opens what a SOURCE names as byte streams; it moves bytes and knows nothing of FOCUS."""

from costwire_sources.access import Access
from costwire_sources.layouts import LAYOUTS, Layout, Wanted
from costwire_sources.opening import open_source
from costwire_sources.source import Part, Reading, Source, State

__all__ = [
    "LAYOUTS",
    "Access",
    "Layout",
    "Part",
    "Reading",
    "Source",
    "State",
    "Wanted",
    "open_source",
]
