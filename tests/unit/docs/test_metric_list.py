"""The page of metrics is what the services' registries say."""

import runpy
from pathlib import Path

_DOCS = Path(__file__).parents[3] / "docs"


def test_the_page_is_current():
    made = runpy.run_path(str(_DOCS / "metric_list.py"))["page"]()
    assert (_DOCS / "metrics.md").read_text(encoding="utf-8") == made
