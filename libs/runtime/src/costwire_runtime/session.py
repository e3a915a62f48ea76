"""Where a redirect may lead: requests' session, without the ways in which one gives things away."""

import io
from urllib.parse import urljoin, urlsplit

import requests


class RefusedRedirect(requests.exceptions.RequestException):
    """The server redirects to where this request may not go."""


class GuardedSession(requests.Session):
    """A session whose redirects stay encrypted, and leave the server only where they may.

    requests itself takes the credentials off a redirect to another host, port or scheme (but for
    http to https at their usual ports); a body and a client certificate would go along.
    """

    def __init__(self, *, may_leave: bool) -> None:
        super().__init__()
        self._may_leave = may_leave

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Where the answer redirects to, if it does; raises `RefusedRedirect`."""
        target = super().get_redirect_target(resp)
        if target is None:
            return None
        url = urljoin(resp.url, target)
        if urlsplit(resp.url).scheme == "https" and urlsplit(url).scheme != "https":
            resp.close()
            raise RefusedRedirect("it redirects from https to what is not encrypted")
        leaves = self.should_strip_auth(resp.url, url)  # type: ignore[no-untyped-call]
        if leaves and not self._may_leave:
            resp.close()
            raise RefusedRedirect("it redirects to another server; set the address of that one")
        if resp.raw is not None:  # its body is of no use and of any size, and would be read whole
            resp.raw.close()
            resp.raw = io.BytesIO()
        return target

    def rebuild_method(
        self, prepared_request: requests.PreparedRequest, response: requests.Response
    ) -> None:
        """Raise `RefusedRedirect` where a POST would become a GET: it would seem to have worked."""
        method = prepared_request.method
        super().rebuild_method(prepared_request, response)
        if prepared_request.method != method:
            raise RefusedRedirect(
                "it redirects elsewhere, and what was sent would be lost; is a sign-in page or a "
                "proxy before the server? Set the address that it redirects to"
            )

    def rebuild_auth(
        self, prepared_request: requests.PreparedRequest, response: requests.Response
    ) -> None:
        """Take the credentials off where another server is asked; ~/.netrc gives none."""
        urls = response.request.url, prepared_request.url
        if self.should_strip_auth(*urls):  # type: ignore[no-untyped-call]
            prepared_request.headers.pop("Authorization", None)
