"""Asks a database handler: SQL and ledger, with exact amounts."""

from __future__ import annotations

import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

from requests.adapters import BaseAdapter

from costwire_runtime.client import HttpClient, HttpFailure
from tests.support.reports import COSTS

ON_CRATEDB = os.environ.get("COSTWIRE_TEST_STORE") == "cratedb"
"""Whether the end-to-end tests run over CrateDB, for a person who asks for it."""
ADMIN = "costwire"
Entry = dict[str, Any]


class Refused(Exception):
    """A statement was refused: the HTTP status, and the error in CrateDB's shape."""

    def __init__(self, status: int, error: Any) -> None:
        super().__init__(status, error)
        self.status = status
        self.error = error


class Store:
    """A running handler, signed in as its administrator unless another user is named."""

    def __init__(
        self,
        url: str,
        data: Path,
        *,
        transport: BaseAdapter | None = None,
        user: tuple[str, str] | None = None,
    ) -> None:
        self.url = url
        self.data = data
        self.password = (data / "admin.password").read_text(encoding="utf-8").strip()
        self.http = HttpClient(
            url, auth=user or (ADMIN, self.password), transport=transport, service="db-handler"
        )

    def sql(self, statement: str, *arguments: object) -> list[list[Any]]:
        """The rows of an answer."""
        return self.answer(statement, *arguments)["rows"]  # type: ignore[no-any-return]

    def answer(self, statement: str, *arguments: object) -> dict[str, Any]:
        """A whole answer, with the numbers of its columns' types."""
        body = {"stmt": statement, "args": list(arguments)}
        try:
            response = self.http.post("/_sql", params={"types": "true"}, json=body)
        except HttpFailure as failure:
            raise Refused(failure.status, failure.problem.get("error")) from failure
        answer: dict[str, Any] = json.loads(response.content, parse_float=Decimal)
        return answer

    def ledger(self, table: str) -> list[Entry]:
        """The entries of a table, oldest first."""
        answer = self.http.get("/deliveries", params={"table": table}).json()
        return list(answer["deliveries"])

    def quarantine(self, commit: int) -> list[dict[str, Any]]:
        """The quarantined rows of a delivery."""
        lines = self.http.get(f"/deliveries/{commit}/quarantine").text.splitlines()
        return [json.loads(line) for line in lines]

    def tables(self) -> set[str]:
        """The tables that readers can ask."""
        found = self.sql("SELECT table_name FROM information_schema.tables")
        return {row[0] for row in found}

    def shown(self, table: str, currency: str = "USD") -> tuple[int, dict[str, Decimal]]:
        """What readers see: charges, and exact sums of one currency."""
        names = ", ".join(f"sum({name})::text" for name in COSTS)
        count, *totals = self.sql(
            f"SELECT count(*), {names} FROM {table} WHERE BillingCurrency = ?",  # noqa: S608
            currency,
        )[0]
        return count, {name: Decimal(text or 0) for name, text in zip(COSTS, totals, strict=True)}
