"""What can go wrong in answering a request.

UpstreamError                  no upstream told enough for an answer
├── UpstreamsSilent            none can be reached
├── UpstreamsBroken            those that answer, answer with errors or nonsense
└── UpstreamsLate              none answered in time
"""

from __future__ import annotations


class UpstreamError(Exception):
    """No upstream told enough for an answer; the text says what each one did."""


class UpstreamsSilent(UpstreamError):
    """None can be reached."""


class UpstreamsBroken(UpstreamError):
    """Those that answer, answer with errors or nonsense."""


class UpstreamsLate(UpstreamError):
    """None answered in time."""
