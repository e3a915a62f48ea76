import pytest

from costwire_focus.readers.records import find_records, with_bare_returns


def records_of(block):
    records = find_records(block)
    pieces = [block[a:b] for a, b in zip(records.starts, records.ends, strict=True)]
    return pieces, records.lines.tolist(), records.broken.tolist(), block[records.length :]


@pytest.mark.parametrize(
    ("block", "pieces", "lines", "rest"),
    [
        pytest.param(b"", [], [], b"", id="nothing"),
        pytest.param(b"a,b", [], [], b"a,b", id="no line end yet"),
        pytest.param(b"a\nb\r\nc", [b"a", b"b"], [0, 1], b"c", id="lines"),
        pytest.param(b"\n\r\na\n\n", [b"a"], [2], b"", id="blank lines"),
        pytest.param(b'"a\nb",c\nd\n', [b'"a\nb",c', b"d"], [0, 2], b"", id="quoted line end"),
        pytest.param(b'a\n"b\nc', [b"a"], [0], b'"b\nc', id="quoted cell still open"),
        pytest.param(b'a\n"b\n"', [b"a"], [0], b'"b\n"', id="perhaps a doubled quote"),
        pytest.param(b'"a""\nb"\n', [b'"a""\nb"'], [0], b"", id="doubled quote"),
        pytest.param(b'a"b\nc\n', [b'a"b', b"c"], [0, 1], b"", id="stray quote"),
        pytest.param(b'"a"b\n', [b'"a"b'], [0], b"", id="text after a quote"),
    ],
)
def test_complete_records_are_found_and_the_rest_is_left(block, pieces, lines, rest):
    assert records_of(block) == (pieces, lines, [], rest)


def test_a_line_with_a_quote_left_open_is_known_as_soon_as_text_follows_the_next_quote():
    block = b'a\nb,"c\nd\ne,"f"\n'
    assert records_of(block) == ([b"a", b'b,"c', b"d", b'e,"f"'], [0, 1, 2, 3], [1], b"")


@pytest.mark.parametrize("end", [b"", b'"', b'""', b'"""'])
def test_a_quote_left_open_is_known_whatever_follows(end):
    assert records_of(b'1,"b\n3,c\n4,"d\n' + end) == (
        [b'1,"b', b"3,c"],
        [0, 1],
        [0],
        b'4,"d\n' + end,
    )


def test_many_quotes_left_open_take_no_longer_than_few():
    lines = [b'%d,"pipe' % n for n in range(20_001)]
    pieces, _, broken, rest = records_of(b"\n".join(lines) + b"\n")
    assert pieces == lines[:-1]
    assert broken == list(range(20_000))
    assert rest == lines[-1] + b"\n"


def test_carriage_returns_are_bare_only_outside_quotes():
    block = b'a\rb\r\n"c\rd"\r\n"e"\r\n\r\r\nf\n'
    assert with_bare_returns(block, find_records(block)) == [0, 3]
