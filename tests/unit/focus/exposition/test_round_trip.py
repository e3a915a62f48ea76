"""Charges to text and back is the identity, however hostile the text and wherever it is cut."""

import re
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costwire_focus.amounts import READABLE
from costwire_focus.errors import Unreadable
from costwire_focus.exposition.labels import label_names
from costwire_focus.exposition.parse import Parser
from costwire_focus.exposition.render import Renderer
from costwire_focus.repeats import plain_table

NAMES = ["BilledCost", "ServiceName", "Tags", "x_Größe", "job", "servicename"]
LABELS = label_names(NAMES)
COLUMNS = {label: name for name, label in LABELS.items()}
SCHEMA = pa.schema([(name, pa.string()) for name in NAMES])

amounts = st.one_of(st.none(), st.sampled_from(["0", "1.50", "-2.5E-7", "+3", "1e3"]))
structure = ['"', "\\", "\n", "\\n", '\\"', "} 1\n", '",', '="', "#", "{", "}", ",", " ", "\t"]
lookalikes = ['billed_cost{BilledCost="9"} 9\n', '",ServiceName="', "# costwire end", "NaN", "U__x"]
odd = ["\r", "\x85", "\u2028", "\ufeff", "é", "𝄞", "\x0b", "\x1c", "costwire_copy", "twelve bytes"]
pieces = st.sampled_from([*structure, *lookalikes, *odd])
texts = st.one_of(
    st.none(),
    st.lists(pieces, min_size=1, max_size=6).map("".join),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20),
)
rows = st.tuples(amounts, *[texts] * (len(NAMES) - 1))
tables = st.lists(rows, max_size=8).map(lambda rows: rows + rows[: len(rows) // 2])


def a_table(rows):
    return pa.table(
        [pa.array([row[i] for row in rows], pa.string()) for i in range(len(NAMES))], SCHEMA
    )


def rendered(tables):
    renderer = Renderer(NAMES)
    return b"".join(bytes(renderer.render(table)) for table in tables)


def parsed(blocks):
    parser = Parser(list(LABELS.values()))
    tables = [plain_table(parser.charges(block, COLUMNS)) for block in blocks]
    return pa.concat_tables(tables).combine_chunks() if tables else a_table([])


def cut_at(positions, length):
    bounds = sorted({0, length, *(position % (length + 1) for position in positions)})
    return list(pairwise(bounds)) or [(0, 0)]


@given(rows=tables, cuts=st.lists(st.integers(0, 99), max_size=3))
@settings(max_examples=150)
def test_text_and_back_is_the_identity(rows, cuts):
    table = a_table(rows)
    text = rendered(table.slice(start, stop - start) for start, stop in cut_at(cuts, len(rows)))
    lines = re.findall(rb"[^\n]*\n", text)
    assert len(lines) == len(set(lines)) == len(rows)
    blocks = [b"".join(lines[start:stop]) for start, stop in cut_at(reversed(cuts), len(lines))]
    assert parsed(blocks) == table


@given(rows=tables, cuts=st.lists(st.integers(0, 99), max_size=3))
def test_block_boundaries_do_not_change_the_text(rows, cuts):
    table = a_table(rows)
    parts = [table.slice(start, stop - start) for start, stop in cut_at(cuts, len(rows))]
    assert rendered(parts) == rendered([table])


def test_header_and_footer_are_comments_around_the_samples():
    renderer = Renderer(NAMES)
    table = a_table([("1", "a", None, None, None, None)])
    text = renderer.header() + bytes(renderer.render(table)) + renderer.footer()
    assert parsed([text]) == table
    assert text.endswith(b"# costwire end samples=1\n")


@pytest.mark.parametrize("block", [b"", b"\n", b"# HELP x\n", b"# a\n\n# b\n", b"#\n"])
def test_a_block_without_samples_has_no_charges(block):
    assert parsed([block]) == a_table([])


def test_comments_and_blank_lines_between_samples_are_left_out():
    table = a_table([(str(n), f"# {n}", "{}", None, None, None) for n in range(5)])
    lines = re.findall(rb"[^\n]*\n", rendered([table]))
    text = b"# a\n\n" + b"".join(line + b'# "b{\n\n' for line in lines)
    assert parsed([text]) == table


def test_a_charge_of_nulls_is_a_sample_without_labels():
    table = a_table([(None,) * len(NAMES)])
    assert rendered([table]) == b"billed_cost{} NaN\n"
    assert parsed([rendered([table])]) == table


def test_a_cell_of_a_million_characters_is_whole():
    long = 'é"\\\n' * 250_000
    table = a_table([("1", long, "a", None, None, None), ("2", "b", long, None, None, None)])
    assert parsed([rendered([table])]) == table


def test_texts_about_as_long_as_a_view_holds_itself():
    table = a_table([("1", "x" * n, "é" * n, None, "y" * n, None) for n in range(1, 30)])
    assert parsed([rendered([table])]) == table


def test_a_delivery_of_many_columns_comes_back():
    names = ["BilledCost", *(f"x_tag_user_{n:04d}_department_name" for n in range(400))]
    table = pa.table({name: [f"{name} of {row}" for row in range(3)] for name in names})
    table = table.set_column(0, "BilledCost", pa.array(["1", None, "3"]))
    labels = label_names(names)
    parser = Parser(list(labels.values()))
    back = parser.charges(
        bytes(Renderer(names).render(table)), {label: name for name, label in labels.items()}
    )
    assert plain_table(back) == table


LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\n]|\\\\[^\n])*"'
LINE = re.compile("billed_cost(?:\\{(" + f"(?:{LABEL}(?:,{LABEL})*,?)?" + ")\\})? ([^\n]+)")
PAIR = re.compile('([a-zA-Z0-9_]+)="((?:[^"\\\\]|\\\\.)*)"')
ESCAPES = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


def parsed_by_hand(block):
    """The rows of a block, line by line, or None for one that is malformed."""
    try:
        text = block.decode()
    except UnicodeDecodeError:
        return None
    if text and not text.endswith("\n"):
        return None
    rows = []
    for line in text.split("\n")[:-1]:
        if not line or line.startswith("#"):
            continue
        found = LINE.fullmatch(line)
        if not found or not (found[2] == "NaN" or re.fullmatch(READABLE, found[2])):
            return None
        pairs = PAIR.findall(found[1] or "")
        cells = {
            label: re.sub(r"\\.", lambda escape: ESCAPES.get(escape[0], escape[0]), value)
            for label, value in pairs
        }
        filled = [label for label, value in pairs if value]
        if len(set(filled)) < len(filled) or not cells.keys() <= {*COLUMNS, "costwire_copy"}:
            return None
        row = tuple(cells.get(LABELS[name]) or None for name in NAMES)
        rows.append(row)
    return rows


mutations = st.lists(
    st.tuples(
        st.integers(0, 10_000),
        st.integers(0, 3),
        st.sampled_from([b"", b'"', b"\\", b"\n", b"{", b"}", b",", b"=", b" ", b"\xff", b"\0"])
        | st.sampled_from([b"#", b"x", b'a="b",', b'BilledCost="1",', b"} NaN\n", b'"} 1\n']),
    ),
    min_size=1,
    max_size=4,
)


@given(rows=st.lists(rows, max_size=4), mutations=mutations)
@settings(max_examples=250)
def test_damaged_text_is_refused_or_read_as_a_slow_parser_reads_it(rows, mutations):
    text = bytearray(rendered([a_table(rows)]))
    for position, length, replacement in mutations:
        start = position % (len(text) + 1)
        text[start : start + length] = replacement
    expected = parsed_by_hand(bytes(text))
    if expected is None:
        with pytest.raises(Unreadable):
            parsed([bytes(text)])
    else:
        assert parsed([bytes(text)]) == a_table(expected)


@given(rows=st.lists(rows, min_size=1, max_size=3), kept=st.integers(1, 10_000))
def test_text_that_was_cut_off_is_refused(rows, kept):
    text = rendered([a_table(rows)])
    cut = text[: kept % len(text)]
    if cut and not cut.endswith(b"\n"):
        with pytest.raises(Unreadable):
            parsed([cut])


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b'billed_cost{BilledCost="1"} x\n', id="value is no amount"),
        pytest.param(b'billed_cost{BilledCost="1"} 1 1\n', id="value and timestamp"),
        pytest.param(b'other{BilledCost="1"} 1\n', id="another family"),
        pytest.param(b'billed_cost{Other="1"} NaN\n', id="unknown label"),
        pytest.param(b'billed_cost{Tags="1",Tags="1"} NaN\n', id="label twice"),
        pytest.param(b'billed_cost{ServiceName="a"}\n', id="no value"),
        pytest.param(b'billed_cost{ServiceName="a"} \n', id="empty value"),
        pytest.param(b'billed_cost{ServiceName="a" NaN\n', id="not closed"),
        pytest.param(b'billed_cost{ServiceName="a} NaN\n', id="odd quotes"),
        pytest.param(b"billed_cost{ServiceName=a} NaN\n", id="no quotes"),
        pytest.param(b'billed_cost{="a"} NaN\n', id="no label name"),
        pytest.param(b'billed_cost{ServiceName="\xff"} NaN\n', id="no UTF-8"),
        pytest.param(b'billed_cost{\xff="a"} NaN\n', id="label no UTF-8"),
        pytest.param(b'billed_cost{Tags="a\nb"} NaN\n', id="line end in a value"),
        pytest.param(b'ServiceName="a"} NaN\n', id="no family"),
        pytest.param(b"billed_cost\n", id="family alone"),
        pytest.param(b"x\n", id="a letter"),
        pytest.param(b'"\n', id="a quote"),
        pytest.param(b'\\"\n', id="an escaped quote"),
        pytest.param(b"\0\n", id="U+0000"),
    ],
)
def test_a_malformed_line_is_refused(line):
    good = rendered([a_table([("1", "a", None, None, None, None)])])
    for block in (line, good + line, line + good):
        with pytest.raises(Unreadable, match="parse the exposition"):
            parsed([block])
