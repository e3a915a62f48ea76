"""Pages of an answer: which part is wanted, and where the next one is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request

from costwire_runtime.problems import BadRequest

PARAMETERS = ("limit", "offset", "snapshot")
_MOST = 999_999_999
_DIGITS = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Page:
    """So many from there on; all, where `limit` is None."""

    offset: int = 0
    limit: int | None = None

    @property
    def end(self) -> int | None:
        """Where the next page begins."""
        return None if self.limit is None else self.offset + self.limit


def wanted_page(request: Request) -> Page:
    """The page that a query asks for. Raises: `BadRequest`."""
    offset, limit = _number(request, "offset", 0), _number(request, "limit", 1)
    return Page(offset or 0, limit)


def link_to_next(request: Request, page: Page, total: int, snapshot: str) -> dict[str, str]:
    """The header that leads to the next page of the same snapshot; none behind the last one."""
    if page.end is None or page.end >= total:
        return {}
    kept = [pair for pair in request.query_params.multi_items() if pair[0] not in PARAMETERS]
    more = [("limit", str(page.limit)), ("offset", str(page.end)), ("snapshot", snapshot)]
    return {"Link": f'<{request.url.path}?{urlencode([*kept, *more])}>; rel="next"'}


def _number(request: Request, name: str, least: int) -> int | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    if not _DIGITS.fullmatch(text) or not least <= int(text) <= _MOST:
        raise BadRequest(f"read {name}: {text!r} is no number from {least} to {_MOST}")
    return int(text)
