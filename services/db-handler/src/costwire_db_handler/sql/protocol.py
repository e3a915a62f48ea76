"""CrateDB's HTTP protocol: from a request's body to a statement, from a result to JSON."""

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from costwire_db_handler.sql.checked import BulkItem, Checked, Result
from costwire_db_handler.sql.dialect import TypeId, type_id
from costwire_db_handler.sql.encoding import encoded_rows
from costwire_db_handler.sql.errors import SqlError, SqlParse, StatementTooLarge
from costwire_db_handler.sql.outputs import spread
from costwire_db_handler.sql.tokens import fold

MAX_BODY_BYTES = 16 * 1024 * 1024
CONTENT_TYPE = "application/json; charset=UTF-8"
CRATEDB_VERSION = "6.2.11"
_MAX_DIGITS = 38
_COUNT_NAME = {"count_star()": "count(*)"}
_FIELDS = frozenset({"stmt", "args", "bulk_args"})


@dataclass(frozen=True)
class SqlRequest:
    """One request: a statement with one row of arguments, or with many."""

    statement: str
    arguments: Sequence[Any] = ()
    bulk_arguments: Sequence[Sequence[Any]] | None = None


def read_request(
    body: bytes, *, content_encoding: str | None = None, max_bytes: int = MAX_BODY_BYTES
) -> SqlRequest:
    """Read the body of `POST /_sql`, gzipped or not.

    Units:  numbers with a point stay decimal where they have at most 38 digits.
    Raises: `SqlParse`, `StatementTooLarge`.
    """
    text = _inflated(body, content_encoding, max_bytes)
    if not text:
        raise SqlParse("Missing request body")
    try:
        given = json.loads(text, parse_float=_number, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise SqlParse(f"Failed to parse source: {str(error)[:200]}") from None
    if not isinstance(given, dict) or not isinstance(given.get("stmt"), str):
        raise SqlParse("Failed to parse source: 'stmt' must be the text of a statement")
    if unknown := given.keys() - _FIELDS:
        raise SqlParse(f"Failed to parse source: unknown field {sorted(unknown)[0][:100]!r}")
    arguments, bulk = given.get("args"), given.get("bulk_args")
    if arguments and bulk is not None:
        raise SqlParse("Failed to parse source: 'args' and 'bulk_args' exclude each other")
    return SqlRequest(
        given["stmt"],
        _list(arguments, "args"),
        None if bulk is None else [_list(row, "bulk_args") for row in _list(bulk, "bulk_args")],
    )


def _inflated(body: bytes, encoding: str | None, max_bytes: int) -> bytes:
    kind = (encoding or "identity").strip().lower()
    if kind in {"gzip", "deflate"}:
        inflater = zlib.decompressobj(wbits=47)
        try:
            body = inflater.decompress(body, max_bytes + 1)
        except zlib.error:
            raise SqlParse(f"Failed to parse source: the body is not {kind}") from None
        if len(body) <= max_bytes and not inflater.eof:
            raise SqlParse(f"Failed to parse source: the {kind} body ends too early")
    elif kind != "identity":
        raise SqlParse(f"Failed to parse source: content encoding {kind[:50]!r} is not known")
    if len(body) > max_bytes:
        raise StatementTooLarge(f"a request may have {max_bytes:,} bytes: send fewer rows at once")
    return body


def _number(text: str) -> Decimal | float:
    value = Decimal(text)
    digits = value.as_tuple()
    exponent = int(digits.exponent)
    fits = len(digits.digits) <= _MAX_DIGITS and -_MAX_DIGITS <= exponent <= _MAX_DIGITS
    return value if fits and len(digits.digits) + max(exponent, 0) <= _MAX_DIGITS else float(text)


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")


def _list(value: Any, name: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise SqlParse(f"Failed to parse source: '{name}' must be a list")
    return value


def result_names(names: Sequence[str], checked: Checked) -> list[str]:
    """The columns' names as CrateDB gives them: folded, but for those that the statement quotes."""
    return [
        output.name or (name if name in checked.quoted else _COUNT_NAME.get(name, fold(name)))
        for name, output in zip(names, spread(checked.outputs, len(names)), strict=True)
    ]


def result_types(types: Sequence[str], checked: Checked) -> list[TypeId]:
    """The numbers of the columns' types as CrateDB gives them."""
    given: list[TypeId] = []
    for kind, output in zip(types, spread(checked.outputs, len(types)), strict=True):
        number = type_id(kind)
        mapped = (output.types or {}).get(number) if isinstance(number, int) else None
        given.append(number if mapped is None else mapped)
    return given


def encode_result(
    result: Result, checked: Checked, *, with_types: bool, milliseconds: float
) -> Iterator[bytes]:
    """The answer to one statement, piece by piece."""
    head: dict[str, Any] = {"cols": result_names(result.names, checked)}
    if with_types:
        head["col_types"] = result_types(result.types, checked)
    yield (_json(head)[:-1] + ',"rows":[').encode()
    if not checked.returns_rows:
        yield b"[]"
    first = True
    for batch in result.batches:
        if batch.num_rows:
            yield (b"" if first else b",") + encoded_rows(batch, result.types)
            first = False
    yield f'],"rowcount":{result.rowcount},"duration":{milliseconds:.3f}}}'.encode()


def encode_bulk(items: Sequence[BulkItem], *, milliseconds: float) -> bytes:
    """The answer to a statement with `bulk_args`: what became of each item, in order."""
    results: list[Mapping[str, Any]] = [
        {"rowcount": item.rowcount}
        if item.error is None
        else {"rowcount": item.rowcount, "error": _error(item.error)}
        for item in items
    ]
    return _json({"cols": [], "duration": round(milliseconds, 3), "results": results}).encode()


def encode_error(error: SqlError) -> bytes:
    """The answer to a statement that failed; its HTTP status is `error.status`."""
    return _json({"error": _error(error)}).encode()


def version_body(name: str = "costwire") -> bytes:
    """The answer to `GET /`, by which clients take this for a CrateDB."""
    version = {"number": CRATEDB_VERSION, "build_hash": "NA", "build_snapshot": False}
    return _json(
        {"ok": True, "status": 200, "name": name, "cluster_name": "costwire", "version": version}
    ).encode()


def _error(error: SqlError) -> dict[str, Any]:
    return {"message": error.message, "code": error.code}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
