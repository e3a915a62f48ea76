"""What can go wrong in answering a request, and at the start.

UnguardedGrpc                  who has no password would be let in by gRPC; the service cannot start
UpstreamError                  no upstream told enough for an answer
├── UpstreamsSilent            none can be reached
├── UpstreamsBroken            those that answer, answer with errors or nonsense
└── UpstreamsLate              none answered in time
"""

from __future__ import annotations


class UnguardedGrpc(Exception):
    """HTTP asks for a sign-in that gRPC could not ask for."""


class UpstreamError(Exception):
    """No upstream told enough for an answer; the text says what each one did."""


class UpstreamsSilent(UpstreamError):
    """None can be reached."""


class UpstreamsBroken(UpstreamError):
    """Those that answer, answer with errors or nonsense."""


class UpstreamsLate(UpstreamError):
    """None answered in time."""
