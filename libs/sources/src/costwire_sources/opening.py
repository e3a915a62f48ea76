"""From the text a user wrote to the source it names: one module per scheme.

What asks other machines is loaded when such a source is opened: files are most.
"""

import re
from pathlib import Path
from urllib.parse import unquote

from costwire_sources.access import Access
from costwire_sources.errors import UnknownScheme
from costwire_sources.files import FileSource
from costwire_sources.layouts import Wanted
from costwire_sources.source import Source

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")


def open_source(
    text: str,
    *,
    name: str | None = None,
    spool_folder: Path | None = None,
    access: Access | None = None,
    wanted: Wanted | None = None,
) -> Source:
    """Build the source that `text` names; nothing is read before it is polled.

    What http(s) answers is spooled to `spool_folder` (default: the system's); object stores are
    read by ranges, with the credentials of the environment and what `access` allows. A folder is
    read as its layout means it, unless `wanted` tells another one.

    Shape:  a file, a folder, a glob of files, a `file://` or `http(s)://` URL, or an object, a
            folder or a glob behind `s3://`, `az://`, `abfss://` or `gs://`.
    Raises: `UnknownScheme`, `Unreadable` for a URL that cannot be one, or has no layout.
    """
    scheme = match[1].lower() if (match := _SCHEME.match(text)) else "file"
    if scheme in ("http", "https"):
        from costwire_sources.http import HttpSource

        (wanted or Wanted()).refuse(text)
        allowed = access is not None and access.instance_metadata
        return HttpSource(text, name=name, spool_folder=spool_folder, metadata_allowed=allowed)
    if scheme == "file":
        return FileSource(_path(text), name=name, wanted=wanted)
    from costwire_sources.objects import SCHEMES, ObjectSource

    if scheme in SCHEMES:
        return ObjectSource(text, name=name, access=access, wanted=wanted)
    raise UnknownScheme(
        f"open a source: {scheme}:// is not a kind of source known here; "
        "give a file, a folder, a glob such as 'reports/*.csv', an http(s) URL, or a URL of an "
        "object store (s3://, az://, abfss://, gs://)"
    )


def _path(text: str) -> str:
    bare = re.sub(r"(?i)^file://(localhost(?=/))?", "", text)
    return bare if bare == text else unquote(bare)
