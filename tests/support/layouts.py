"""Writes exports as AWS, Azure and Oracle lay them out, on disk or in a bucket."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from costwire_sources.source import Reading
from tests.support.reports import CHARGE, LONG_AGO, Row, numbered, sums

BUCKET = "bills-of-acme"
SUBMITTED = datetime(2024, 12, 1, 6, tzinfo=UTC)


class Place(Protocol):
    """A folder or a bucket."""

    def put(self, key: str, content: bytes) -> None:
        """Write a file, over an older one."""

    def delete(self, key: str) -> None:
        """Remove a file."""

    def url(self, path: str = "") -> str:
        """As a user names it."""


class Disk:
    """A folder; each file is written a second after the one before."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._now = LONG_AGO

    def put(self, key: str, content: bytes) -> None:
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        self._now += 1
        os.utime(path, (self._now, self._now))

    def delete(self, key: str) -> None:
        (self.folder / key).unlink()

    def url(self, path: str = "") -> str:
        return str(self.folder / path)


def month_rows(month: str, count: int, **changes: str) -> list[dict[str, str]]:
    """Charges of a month, each of its own resource and cost."""
    year, number = (int(part) for part in month.split("-"))
    after = f"{year + number // 12}-{number % 12 + 1:02d}"
    return numbered(
        count,
        BillingPeriodStart=f"{month}-01T00:00:00Z",
        BillingPeriodEnd=f"{after}-01T00:00:00Z",
        ChargePeriodStart=f"{month}-03T00:00:00Z",
        ChargePeriodEnd=f"{month}-04T00:00:00Z",
        **changes,
    )


def restated(rows: Sequence[Row], billed_cost: str = "7.25") -> list[dict[str, str]]:
    """The same charges, the first of another cost."""
    return [{**rows[0], "BilledCost": billed_cost}, *({**row} for row in rows[1:])]


def csv_bytes(rows: Sequence[Row]) -> bytes:
    """A CSV file with the columns of the first row."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def rows_of(reading: Reading) -> list[dict[str, str | None]]:
    """All rows of a reading, by Python's csv."""
    found: list[dict[str, str | None]] = []
    for part in reading.parts:
        with part.open() as stream:
            content = stream.read()
        part.verify()
        plain = gzip.decompress(content) if part.name.endswith(".gz") else content
        found += csv.DictReader(io.StringIO(plain.decode("utf-8-sig"), newline=""))
    return found


def figures(rows: Iterable[Row | dict[str, str | None]]) -> tuple[int, dict[str, Decimal]]:
    """How many rows, and their exact sums."""
    listed = list(rows)
    return len(listed), sums(listed)["USD"]


@dataclass
class AwsExport:
    """AWS Data Exports; `keeps`: every refresh has a folder of its own, else it is overwritten."""

    place: Place
    folder: str = "finops/acme-focus"
    keeps: bool = False
    key: str = "BILLING_PERIOD"
    columns: Sequence[str] = tuple(CHARGE)
    refreshes: int = 0

    def write(
        self, month: str, chunks: Sequence[Sequence[Row]], *, finished: bool = True
    ) -> list[str]:
        """A refresh of a month; the keys of its data. Unfinished is one without a manifest."""
        self.refreshes += 1
        name = self.folder.rpartition("/")[2]
        run = f"202409{self.refreshes:02d}T053621Z-{uuid.UUID(int=self.refreshes)}"
        own = f"{self.key}={month}" + (f"/{run}" if self.keeps else "")
        keys = []
        for number, rows in enumerate(chunks, start=1):
            keys.append(f"{self.folder}/data/{own}/{name}-{number:05d}.csv.gz")
            self.place.put(keys[-1], gzip.compress(csv_bytes(rows), mtime=0))
        if finished:
            self.manifest(month, [f"s3://{BUCKET}/{key}" for key in keys], own)
        return keys

    def manifest(self, month: str, data_files: Sequence[str], own: str = "") -> str:
        """Write a manifest that lists these files; the key of the month's own one."""
        told = {
            "executionId": str(uuid.UUID(int=self.refreshes)),
            "exportArn": "arn:aws:bcm-data-exports:us-east-1:123456789012:export/acme-focus",
            "columns": [{"name": name, "type": "string"} for name in self.columns],
            "dataFiles": list(data_files),
            "additionalOutputFiles": [],
        }
        content = json.dumps(told).encode()
        if "/" in own:
            self.place.put(f"{self.folder}/metadata/{own}/Manifest.json", content)
        name = self.folder.rpartition("/")[2]
        key = f"{self.folder}/metadata/{self.key}={month}/{name}-Manifest.json"
        self.place.put(key, content)
        return key


@dataclass
class AzureExport:
    """Azure Cost Management exports; `timed`: runs lie in folders of their times."""

    place: Place
    folder: str = "costs/acme-focus"
    timed: bool = True
    kind: str = "FocusCost"
    runs: int = 0
    latest: str = field(default="", init=False)
    """The folder of the run written last."""

    def write(
        self,
        period: str,
        parts: Sequence[Sequence[Row]],
        *,
        finished: bool = True,
        **changes: Any,
    ) -> list[str]:
        """A run; the keys of its blobs. `changes` are members of its manifest."""
        self.runs += 1
        time = f"202412{self.runs:02d}0600/" if self.timed else ""
        self.latest = f"{self.folder}/{period}/{time}{uuid.UUID(int=100 - self.runs)}"
        blobs = []
        for number, rows in enumerate(parts):
            content = b"\xef\xbb\xbf" + csv_bytes(rows)
            key = f"{self.latest}/part_{number}_0001.csv"
            self.place.put(key, content)
            blobs.append({"blobName": key, "byteCount": len(content), "dataRowCount": len(rows)})
        if finished:
            self.manifest(period, blobs, **changes)
        return [str(blob["blobName"]) for blob in blobs]

    def manifest(self, period: str, blobs: Sequence[dict[str, Any]], **changes: Any) -> str:
        """Write the manifest of the run written last; its key."""
        submitted = SUBMITTED.replace(day=self.runs)
        told: dict[str, Any] = {
            "manifestVersion": "2024-04-01",
            "byteCount": sum(blob.get("byteCount") or 0 for blob in blobs),
            "blobCount": len(blobs),
            "dataRowCount": sum(blob.get("dataRowCount") or 0 for blob in blobs),
            "exportConfig": {
                "exportName": self.folder.rpartition("/")[2],
                "dataVersion": "1.0r2",
                "type": self.kind,
                "timeFrame": "MonthToDate",
            },
            "deliveryConfig": {"partitionData": True, "fileFormat": "Csv"},
            "runInfo": {
                "executionType": "Scheduled",
                "submittedTime": f"{submitted:%Y-%m-%dT%H:%M:%S}.5234447Z",
                "runId": self.latest.rpartition("/")[2],
            },
            "blobs": list(blobs),
        }
        key = f"{self.latest}/manifest.json"
        self.place.put(key, json.dumps(told | changes).encode())
        return key
