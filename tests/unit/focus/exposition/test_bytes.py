"""The bytes of an exposition, held against a renderer that goes cell by cell."""

from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from costwire_focus.exposition import COPY_LABEL, coding, pieces
from costwire_focus.exposition.labels import label_names
from costwire_focus.exposition.render import Renderer

NAMES = ["x_Größe", "BilledCost", "Tags", "job", "ServiceName", "servicename", "x_Last"]
LABELS = label_names(NAMES)

FEW = st.sampled_from([None, "a", "b", 'quo"te', "back\\slash", "line\nend", "", "é", "\\n"])
AMOUNTS = st.sampled_from([None, "1", "1.50", "-2.5E-7", "0"])
TEXTS = st.text(st.sampled_from('ab"\\\né𝄞'), max_size=5)


def columns_of(rows):
    """A column of a block: absent, null, alike in all rows, of few texts, or of many."""
    return st.one_of(
        st.none(),
        st.just([None] * rows),
        FEW.map(lambda text: [text] * rows),
        st.lists(FEW, min_size=rows, max_size=rows),
        st.lists(st.one_of(st.none(), TEXTS), min_size=rows, max_size=rows),
    )


def blocks_of(rows):
    amounts = st.one_of(
        columns_of(rows), st.lists(AMOUNTS, min_size=rows, max_size=rows), st.just(["7"] * rows)
    )
    columns = {name: amounts if name == "BilledCost" else columns_of(rows) for name in NAMES}
    return st.fixed_dictionaries({"": st.just(rows), **columns})


BLOCKS = st.lists(st.integers(0, 9).flatmap(blocks_of), max_size=5)


def table_of(block):
    arrays = {
        name: pa.array(cells, pa.string())
        for name, cells in block.items()
        if name and cells is not None
    }
    rows = pa.table({"": pa.nulls(block[""])})
    for name in sorted(arrays):  # in another order than the labels
        rows = rows.append_column(name, arrays[name])
    return rows


def reference(blocks):
    """Each line by itself, the copies told apart by their text."""
    met = Counter()
    lines = []
    for block in blocks:
        for row in range(block[""]):
            cells = [(name, block[name][row]) for name in NAMES if block[name] is not None]
            pairs = [(LABELS[name], escaped(cell)) for name, cell in cells if cell is not None]
            value = dict(cells).get("BilledCost")
            value = "NaN" if value is None else value
            number = met[tuple(pairs)]
            met[tuple(pairs)] += 1
            if number:
                pairs.append((COPY_LABEL, str(number)))
            text = "".join(f'{label}="{cell}",' for label, cell in pairs)
            lines.append(f"billed_cost{{{text}}} {value}\n")
    return "".join(lines).encode()


def escaped(cell):
    return cell.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


@pytest.fixture(scope="module", autouse=True)
def _small_blocks():
    """Few rows are told apart as many are, and few bytes are a block."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(coding, "_TELLING_ROWS", 3)
        patch.setattr(pieces, "_BLOCK_BYTES", 200)
        yield


ALIKE = {name: ["a", "a"] for name in NAMES} | {"": 2}


@given(BLOCKS)
@example([ALIKE, ALIKE, {name: None for name in NAMES} | {"": 3}])
def test_the_bytes_are_those_of_a_renderer_that_goes_cell_by_cell(blocks):
    renderer = Renderer(NAMES)
    written = [block for part in blocks for block in renderer.blocks(table_of(part))]
    assert b"".join(written) == reference(blocks)
    assert renderer.samples == sum(block[""] for block in blocks)
    assert all(bytes(block).endswith(b"\n") for block in written)
