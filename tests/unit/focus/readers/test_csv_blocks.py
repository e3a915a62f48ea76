"""What holds for any CSV, whatever its content and however its bytes arrive."""

import csv
import io

from hypothesis import example, given, settings
from hypothesis import strategies as st

from costwire_focus.readers import open_report

LARGE = 1 << 20
NAMES = ["BilledCost", "ChargeDescription", "x_é"]

cells = st.one_of(
    st.sampled_from(["", "NULL", "null", "1.5", "-2E-3", " ", "0"]),
    st.text(st.sampled_from('ab",\n\r é\u2028\u0085\ufeff;\t'), max_size=6),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8),
)
tables = st.lists(st.lists(cells, min_size=len(NAMES), max_size=len(NAMES)), max_size=12)
quotings = st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC])
line_ends = st.sampled_from(["\n", "\r\n"])
block_sizes = st.integers(1, 60)

characters = [b'"', b",", b"\n", b"\r", b"a", b"1", b"\xc3\xa9", b"\xff", b"\0"]
sequences = [b"\r\n", b"\n\n", b'""', b'",', b'1,"x', b"\n1,a,b\n", b'1,2,"\n3"\n', b"\xef\xbb\xbf"]
hostile_bytes = st.lists(st.sampled_from([*characters, *sequences]), max_size=24).map(b"".join)


def written(rows: list[list[str]], quoting: int, line_end: str) -> str:
    text = io.StringIO()
    if quoting == csv.QUOTE_MINIMAL and line_end == "\n":  # then it leaves "\r" unquoted
        rows = [[cell.replace("\r", "") for cell in row] for row in rows]
    csv.writer(text, quoting=quoting, lineterminator=line_end).writerows([NAMES, *rows])
    return text.getvalue()


@given(rows=tables, quoting=quotings, line_end=line_ends, size=block_sizes, whole=st.booleans())
def test_cells_are_what_the_standard_library_reads(read, rows, quoting, line_end, size, whole):
    text = written(rows, quoting, line_end)
    seen = read((text if whole else text.removesuffix(line_end)).encode(), batch_bytes=size)
    bare_nulls = ("", "NULL", "null") if quoting == csv.QUOTE_MINIMAL else ("",)
    expected = list(csv.reader(io.StringIO(text, newline="")))
    assert seen.names == expected[0]
    assert seen.rows == [
        tuple(None if cell in bare_nulls else cell for cell in row) for row in expected[1:]
    ]
    assert seen.unusable == []
    assert seen.disagreement is None


@given(rows=tables, quoting=quotings, line_end=line_ends, size=block_sizes)
def test_lines_and_raw_bytes_are_those_of_the_file(read, rows, quoting, line_end, size):
    data = written(rows, quoting, line_end).encode()
    seen = read(data, batch_bytes=size)
    physical = data.split(b"\n")
    for line, raw in zip(seen.lines, seen.raw, strict=True):
        height = raw.count(b"\n") + 1
        assert raw + line_end.encode() == b"\n".join([*physical[line - 1 : line - 1 + height], b""])


@given(body=hostile_bytes, size=block_sizes)
@example(b"\r\r\n1,a\r2,b\n", 1)
@example(b'a"b,1,"d\nx"y,2,z\nq,3,w\n', 7)
@example(b'1,2,"b\n3,c,\n4,5,"d"\n5,e,\n', 3)
@example(b'1,2,"a\nb"\rx,3\n', 1)
@example(b"\xef\xbb\xbf1,2,3\n", 60)
@settings(max_examples=150)
def test_any_block_size_gives_the_same(read, body, size):
    data = b"BilledCost,B,C\n" + body
    assert read(data, batch_bytes=size) == read(data, batch_bytes=LARGE)


@given(body=hostile_bytes)
@example(b"\r\r\n1,a\r2,b\n")
@example(b'1,2,"b\n3,c,\n4,5,"d"\n5,e,\n')
@settings(max_examples=150)
def test_every_line_is_in_one_charge_or_one_unusable_row(read, body):
    seen = read(b"BilledCost,B,C\n" + body, batch_bytes=LARGE)
    records = dict(zip(seen.lines, seen.raw, strict=True))
    records |= {line: raw for line, raw, _ in seen.unusable}
    assert len(records) == len(seen.lines) + len(seen.unusable)
    physical = [b"BilledCost,B,C", *body.split(b"\n")]
    line = 2
    while line <= len(physical):
        raw = records.pop(line, None)
        if raw is None:
            assert physical[line - 1] in (b"", b"\r")
            line += 1
            continue
        height = raw.count(b"\n") + 1
        assert raw == b"\n".join(physical[line - 1 : line - 1 + height]).removesuffix(b"\r")
        line += height
    assert not records


@given(body=hostile_bytes)
@settings(max_examples=150)
def test_a_charge_has_the_cells_that_its_raw_bytes_hold(read, body):
    seen = read(b"BilledCost,B,C\n" + body, batch_bytes=LARGE)
    for row, raw in zip(seen.rows, seen.raw, strict=True):
        assert row == tuple(cell or None for cell in next(csv.reader([raw.decode()])))


@given(body=hostile_bytes, size=block_sizes)
@settings(max_examples=150)
def test_the_second_count_agrees_on_any_bytes(read, body, size):
    assert read(b"BilledCost,B,C\n" + body, batch_bytes=size).disagreement is None


@given(
    body=st.one_of(
        hostile_bytes,
        st.builds(
            lambda rows, how, end: written(rows, how, end).encode(), tables, quotings, line_ends
        ),
    ),
    size=block_sizes,
    every=st.integers(1, 4),
)
@example(body=b'a,b,c\n"x\ny",1,2\n3,4,5\n', size=60, every=2)
def test_records_that_are_known_are_left_out_and_the_others_read_as_ever(body, size, every):
    def known(hashes, lines):
        assert len(hashes) == len(lines)
        return lines % every == 0

    def read(told):
        report = open_report(
            io.BytesIO(b"BilledCost,b,c\n" + body), "a.csv", batch_bytes=size, known=told
        )
        rows, aside = {}, {}
        for batch in report.batches():
            found = zip(batch.lines.to_pylist(), batch.charges.to_pylist(), strict=True)
            for index, (line, row) in enumerate(found):
                rows[line] = row, batch.raw(index)
            aside |= {row.line: (row.raw, row.rule) for row in batch.unusable}
            if told is not None and batch.charges.num_rows:
                assert len(batch.hashes) == batch.charges.num_rows
        return rows, aside, report.recount().records

    everything, broken, records = read(None)
    some, still_broken, counted = read(known)
    assert some == {line: row for line, row in everything.items() if line % every}
    assert counted == records
    wanted = {line: row for line, row in broken.items() if line % every}
    assert wanted.items() <= still_broken.items() <= broken.items()
