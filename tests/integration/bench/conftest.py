"""The modules of the bench are a program's own: they are found in its folder."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "bench"))
