"""What a sheet of quarantined rows looks like; needs the standard library alone."""

from __future__ import annotations

from typing import Final

ROW: Final = "costwire:row"
"""The column of a sheet with the number of the quarantined row."""
REASON: Final = "costwire:reason"
"""The column with the rule that it broke, and how."""
RAW: Final = "costwire:raw"
"""The column with the text of a row that could not be cut into cells; only where there is one."""
MOST_ROWS: Final = 50_000
"""Of one sheet: what is known of each row is in memory at a time."""
MOST_BYTES: Final = 8 << 20
"""Of a sheet that is written, unless a single row is longer: half of what may be uploaded."""
