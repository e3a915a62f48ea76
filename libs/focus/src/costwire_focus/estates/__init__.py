"""Made-up estates: FOCUS reports of several clouds, and the truth about them, from a seed."""

from .csv_text import csv_chunks, write_csv
from .defects import DEFECTS
from .demo import demo_estate
from .dialects import Dialect
from .estate import Estate
from .files import TRUTH, files
from .redelivery import redeliver
from .report import Report, generate

__all__ = [
    "DEFECTS",
    "TRUTH",
    "Dialect",
    "Estate",
    "Report",
    "csv_chunks",
    "demo_estate",
    "files",
    "generate",
    "redeliver",
    "write_csv",
]
