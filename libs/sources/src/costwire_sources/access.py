"""What the user allows a source to do."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Access:
    """What the user allows."""

    anonymous: bool = False
    """Sign nothing: for public buckets."""
    instance_metadata: bool = False
    """Ask the machine's or pod's metadata address for credentials when nothing else has any."""
