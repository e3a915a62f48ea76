"""Made-up estates: FOCUS reports of several clouds, and the truth about them, from a seed."""

from costwire_focus.estates.csv_text import csv_chunks, write_csv
from costwire_focus.estates.daily import CHANGE_KINDS, daily
from costwire_focus.estates.defects import DEFECTS
from costwire_focus.estates.demo import demo_estate
from costwire_focus.estates.dialects import Dialect
from costwire_focus.estates.estate import Estate
from costwire_focus.estates.files import TRUTH, DailyFile, daily_files, files
from costwire_focus.estates.infrastructure import Resource, infrastructure
from costwire_focus.estates.redelivery import redeliver
from costwire_focus.estates.report import Report, generate

__all__ = [
    "CHANGE_KINDS",
    "DEFECTS",
    "TRUTH",
    "DailyFile",
    "Dialect",
    "Estate",
    "Report",
    "Resource",
    "csv_chunks",
    "daily",
    "daily_files",
    "demo_estate",
    "files",
    "generate",
    "infrastructure",
    "redeliver",
    "write_csv",
]
