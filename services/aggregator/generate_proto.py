"""Write the Python modules of aggregator.proto: python services/aggregator/generate_proto.py."""

from __future__ import annotations

import sys
from pathlib import Path

from grpc_tools import protoc  # type: ignore[import-untyped]

SOURCES = Path(__file__).parent / "src"
SCHEMA = Path("costwire_aggregator/grpc/aggregator.proto")
# Only protoc decides how its output looks.
_HEAD = """\
# Generated from aggregator.proto by generate_proto.py: do not edit, run it again.
# ruff: noqa
# fmt: off
# mypy: ignore-errors
"""


def generate(folder: Path) -> list[Path]:
    """The module and its types, written below a folder of sources.

    Raises: `SystemExit` where protoc refuses the schema; it says why on stderr.
    """
    to = [f"--python_out={folder}", f"--pyi_out={folder}"]
    if status := protoc.main(["protoc", f"--proto_path={SOURCES}", *to, str(SCHEMA)]):
        sys.exit(status)
    written = [(folder / SCHEMA).with_name(f"aggregator_pb2.{kind}") for kind in ("py", "pyi")]
    for file in written:
        file.write_text(_HEAD + file.read_text())
    return written


if __name__ == "__main__":
    generate(SOURCES)
