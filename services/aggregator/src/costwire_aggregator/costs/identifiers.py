"""Identifiers of what clouds rent out, in one form however bills and clusters spell them. Pure.

Letters of any case are the same. Sources: the providers' own documentation of resource names, and
the cloud providers of Kubernetes for `spec.providerID`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum, auto
from typing import NamedTuple

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_NO_UUID = "00000000-0000-0000-0000-000000000000"
_ARM = r"(?:azure://)?(/subscriptions/[^/]+/resourcegroups/[^/]+/providers/microsoft\."
_GOOGLE = r"(?://compute\.googleapis\.com/|https?://[a-z]+\.googleapis\.com/compute/[^/]+/)?"
_NOTHING = frozenset(
    {"", "-", "<none>", "n/a", "nil", "none", "null", "undefined", "unknown", "not available"}
)
"""What stands where something is not known."""


class Kind(Enum):
    """What an identifier is one of, by its form."""

    INSTANCE = auto()
    DISK = auto()
    OTHER = auto()
    """Of a known provider."""
    PLAIN = auto()
    """Of no known form: it may be any name."""


class Identifier(NamedTuple):
    """One form for all spellings."""

    text: str
    kind: Kind = Kind.PLAIN


_FORMS: tuple[tuple[re.Pattern[str], str, Kind], ...] = tuple(
    (re.compile(pattern), form, kind)
    for pattern, form, kind in (
        # Amazon: `aws:///eu-west-1a/i-0abc...`, ARN, or the id alone; a disk's serial has no dash.
        (
            r"(?:arn:[^:]+:ec2:[^:]*:[^:]*:instance/|aws://[^/]*/[^/]+/)?(i-[0-9a-f]{8,17})",
            "{0}",
            Kind.INSTANCE,
        ),
        (
            r"(?:arn:[^:]+:ec2:[^:]*:[^:]*:volume/|aws://[^/]*/(?:[^/]+/)?)?vol-?([0-9a-f]{8,17})",
            "vol-{0}",
            Kind.DISK,
        ),
        (r"(arn:[^:]+:.+)", "{0}", Kind.OTHER),
        # Azure: ids of its Resource Manager.
        (
            _ARM + r"compute/(?:virtualmachinescalesets/[^/]+/)?virtualmachines/[^/]+)",
            "{0}",
            Kind.INSTANCE,
        ),
        (_ARM + r"compute/disks/[^/]+)", "{0}", Kind.DISK),
        (r"(?:azure://)?(/(?:subscriptions|providers)/.+)", "{0}", Kind.OTHER),
        # Google: `gce://project/zone/name`, full resource names, links.
        (r"gce://([^/]+)/([^/]+)/([^/]+)", "projects/{0}/zones/{1}/instances/{2}", Kind.INSTANCE),
        (_GOOGLE + r"(projects/[^/]+/zones/[^/]+/instances/[^/]+)", "{0}", Kind.INSTANCE),
        (_GOOGLE + r"(projects/[^/]+/(?:zones|regions)/[^/]+/disks/[^/]+)", "{0}", Kind.DISK),
        (r"(//[a-z0-9.-]+\.googleapis\.com/.+|projects/.+)", "{0}", Kind.OTHER),
        # Oracle.
        (r"(?:oci://)?(ocid1\.instance\..+)", "{0}", Kind.INSTANCE),
        (r"(ocid1\.(?:boot)?volume\..+)", "{0}", Kind.DISK),
        (r"(ocid1\..+)", "{0}", Kind.OTHER),
        # OpenStack, vSphere, Scaleway ...: what a node's provider id ends with.
        (rf"[a-z][a-z0-9+.-]*://(?:.*/)?({_UUID})", "{0}", Kind.PLAIN),
    )
)
_SCALE_SET = re.compile(_ARM + r"compute/virtualmachinescalesets/[^/]+)(?:/.*)?")
_CLUSTER_NAMES = (
    # Node groups, add-ons and pods on Fargate have the cluster's name there, too.
    re.compile(r"arn:[^:]+:eks:[^:]*:[^:]*:[^/:]+/([^/]+)(?:/.*)?"),
    re.compile(_ARM + r"containerservice/managedclusters/([^/]+)(?:/.*)?)"),
    re.compile(
        r"//container\.googleapis\.com/projects/[^/]+/(?:(?:locations|zones)/[^/]+/)?"
        r"clusters/([^/]+)(?:/.*)?"
    ),
)
_IN_GOOGLE = re.compile(
    r"projects/(?P<project>[^/]+)/"
    r"(?P<where>(?:zones|regions)/[^/]+/(?:instances|disks))/(?P<name>[^/]+)"
)
_UUIDS = re.compile(_UUID)


def folded(text: str | None) -> str:
    """A text without case; empty where it means nothing."""
    plain = (text or "").strip().casefold()
    return "" if plain in _NOTHING else plain


def identifier(text: str | None) -> Identifier | None:
    """Of a resource, whoever names it; None where it means nothing."""
    plain = folded(text).rstrip("/")
    if not plain:
        return None
    for pattern, form, kind in _FORMS:
        if found := pattern.fullmatch(plain):
            return Identifier(form.format(*found.groups()), kind)
    return Identifier(plain)


def uuid(text: str | None) -> str:
    """A UUID; empty where it is none, or the one of zeros."""
    plain = folded(text)
    return plain if _UUIDS.fullmatch(plain) and plain != _NO_UUID else ""


def scale_set(text: str | None) -> str:
    """The virtual machine scale set that it is, or is of; empty where there is none."""
    found = _SCALE_SET.fullmatch(folded(text))
    return found[1] if found else ""


def cluster_name(text: str | None) -> str:
    """The name of the managed cluster that it is, or is of; empty where there is none."""
    plain = folded(text)
    found = next(filter(None, (pattern.fullmatch(plain) for pattern in _CLUSTER_NAMES)), None)
    return found[found.re.groups] if found else ""


def disk_name(of: Identifier) -> str:
    """What people call a disk; empty where its id does not tell."""
    is_named = of.kind is Kind.DISK and "/" in of.text
    return of.text.rpartition("/")[2] if is_named else ""


def in_google(of: Identifier, project: str | None, name: str | None) -> Iterator[str]:
    """Spellings of an instance or a disk of Google, of which a bill may tell numbers.

    `project`, `name`: what the bill calls them elsewhere.
    """
    found = _IN_GOOGLE.fullmatch(of.text)
    if found is None:
        return
    for told_project in {found["project"], folded(project)} - {""}:
        for told_name in {found["name"], folded(name)} - {""}:
            yield f"projects/{told_project}/{found['where']}/{told_name}"
