"""JSON log lines: constant message, fields, trace, no secrets."""

import json
import logging
import sys
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext

from costwire_runtime.logs import JsonFormatter


def _line(message: str, *args: Any, **fields: Any) -> dict[str, Any]:
    exc_info = fields.pop("exc_info", None)
    logger = logging.getLogger("costwire_demo")
    record = logger.makeRecord(
        logger.name, logging.INFO, "file.py", 1, message, args, exc_info, extra=fields
    )
    text = JsonFormatter().format(record)
    assert "\n" not in text
    line: dict[str, Any] = json.loads(text)
    return line


def test_line_holds_message_and_fields() -> None:
    line = _line("delivery %s", "served", rows=3, source="é\n")
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "INFO",
        "logger": "costwire_demo",
        "message": "delivery served",
        "rows": 3,
        "source": "é\n",
    }


def test_trace_of_the_request_is_in_the_line() -> None:
    context = SpanContext(trace_id=0xABC, span_id=0xDEF, is_remote=False)
    with trace.use_span(NonRecordingSpan(context)):
        line = _line("served")
    assert line["trace_id"] == "00000000000000000000000000000abc"
    assert line["span_id"] == "0000000000000def"


def test_field_that_names_a_secret_is_starred() -> None:
    line = _line("asked", Authorization="Basic abc", db_password="abc", next_token="abc", rows=1)
    assert "abc" not in json.dumps(line)
    assert line["rows"] == 1


def test_exception_is_one_field() -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError:
        line = _line("broke", exc_info=sys.exc_info())
    assert line["exception"].startswith("Traceback")
    assert line["exception"].endswith("ValueError: two\nlines")


def test_value_that_json_lacks_becomes_text() -> None:
    assert _line("read", path=ValueError("x"))["path"] == "x"
