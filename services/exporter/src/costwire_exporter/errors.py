"""Problems that the exporter answers with, and what stops a delivery from being published.

PublishError            the report was read, and not published
├── NotPublishable      it is no FOCUS cost report, or cannot be read
├── CountsDisagree      two independent readers read different things
├── NotRevisable        it cannot be told by its changes; it is read as a whole
├── Stalled             the disk does not take what is written
└── Stopped             the service ends
ShelfError              the folder of deliveries cannot be used
"""

from typing import ClassVar

from costwire_runtime.problems import BadRequest, Problem, Unavailable


class PublishError(Exception):
    """A report that was read and not published; what was served before is still served."""

    transient: ClassVar[bool] = False


class NotPublishable(PublishError):
    """The report is no FOCUS cost report, or it cannot be read."""


class CountsDisagree(PublishError):
    """Two independent readers found different records or sums in the same bytes."""


class NotRevisable(PublishError):
    """What the report changes cannot be told for itself; it is to be published as a whole."""


class Stalled(PublishError):
    """The disk takes what is written too slowly, or not at all."""

    transient = True


class Stopped(PublishError):
    """The service ends; the report is read again at its next start."""

    transient = True


class ShelfError(Exception):
    """The folder of deliveries cannot be used; the message says why."""


class NothingPublished(Unavailable):
    """No report has been published since the first start; the extensions say how it stands."""

    slug = "nothing-published"
    title = "Nothing published yet"


class OtherDelivery(Problem):
    """The delivery asked for is not the one being served."""

    status = 412
    slug = "other-delivery"
    title = "Another delivery is being served"


class NoChanges(Problem):
    """The delivery being served is not told by its changes."""

    status = 404
    slug = "no-changes"
    title = "No changes are told"


class UnknownColumn(BadRequest):
    """`?by=` names a column that the report has not."""

    slug = "unknown-column"
    title = "Unknown column"


class TooManySeries(BadRequest):
    """`?by=` would give more samples than one answer may have."""

    slug = "too-many-series"
    title = "Too many series"
