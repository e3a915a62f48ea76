"""The Prometheus codec: charges as text format 0.0.4 and back. The round trip is the identity."""

FAMILY = "billed_cost"
"""The one family of a cost exposition; a sample's value is the charge's BilledCost."""

HEADER = f"# HELP {FAMILY} BilledCost of one charge.\n# TYPE {FAMILY} gauge\n".encode()
"""The beginning of every exposition of ours."""

COPY_LABEL = "costwire_copy"
"""Tells copies of an identical charge apart: absent on the first, then "1", "2", ...

Where copies were taken away or came again since the whole was rendered, numbers are left out.

No column can take this label: a column of that name travels escaped.
"""

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

RENDERER_VERSION = 1
"""Changes whenever a charge would render to other bytes."""

END = "# costwire end"
"""Begins the last line of a complete exposition: `# costwire end samples=<n>`."""


def footer(samples: int) -> bytes:
    """The last line of an exposition of so many samples."""
    return f"{END} samples={samples}\n".encode()
