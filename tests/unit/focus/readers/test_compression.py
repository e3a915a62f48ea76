import gzip
import io

import pytest
import zstandard

from costwire_focus.errors import Unreadable
from costwire_focus.readers import open_report

HEADER = b"BilledCost,ServiceName\n"
ROWS = b"".join(b"%d,service %d\n" % (n, n * 7919) for n in range(20_000))
REPORT = HEADER + ROWS


class Forward(io.RawIOBase):
    """A stream that cannot seek and gives few bytes at a time."""

    def __init__(self, data: bytes, step: int) -> None:
        self._source = io.BytesIO(data)
        self._step = step

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._source.read(min(size, self._step) if size >= 0 else self._step)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(REPORT, id="plain"),
        pytest.param(gzip.compress(REPORT, 1), id="gzip"),
        pytest.param(gzip.compress(HEADER) + gzip.compress(ROWS, 1), id="gzip members"),
        pytest.param(gzip.compress(REPORT, 1) + bytes(512), id="gzip padded"),
        pytest.param(zstandard.compress(REPORT), id="zstd"),
        pytest.param(zstandard.compress(HEADER) + zstandard.compress(ROWS), id="zstd frames"),
    ],
)
def test_a_report_is_the_same_however_it_is_compressed(read, data):
    seen = read(data, batch_bytes=1 << 16)
    assert seen == read(REPORT)
    assert len(seen.rows) == 20_000


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress])
@pytest.mark.parametrize("kept", [0.02, 0.5, 0.99])
def test_a_compressed_stream_that_is_cut_off_is_unreadable(read, compress, kept):
    data = compress(REPORT)
    with pytest.raises(Unreadable, match="cut off or damaged"):
        read(data[: int(len(data) * kept)])


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress])
def test_a_second_part_that_is_cut_off_is_unreadable(read, compress):
    with pytest.raises(Unreadable, match="cut off or damaged"):
        read(compress(REPORT) + compress(REPORT)[:-6])


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress])
def test_damaged_compressed_data_are_unreadable(read, compress):
    data = bytearray(compress(REPORT))
    data[len(data) // 2 : len(data) // 2 + 4] = b"\xff\x00\xff\x00"
    with pytest.raises(Unreadable, match="cut off or damaged"):
        read(bytes(data))


@pytest.mark.parametrize(
    "data", [REPORT, gzip.compress(REPORT, mtime=0), zstandard.compress(REPORT), b"a"]
)
@pytest.mark.parametrize("step", [1, 3, 100_000])
def test_a_stream_that_cannot_seek_is_read_from_its_first_byte(data, step):
    if step == 1:
        data = data[:1] if data == b"a" else gzip.compress(HEADER + b"1,a\n")
    report = open_report(Forward(data, step), "part")
    names = ["a"] if data == b"a" else ["BilledCost", "ServiceName"]
    assert report.names == names
    assert sum(batch.charges.num_rows for batch in report.batches()) in (0, 1, 20_000)


def test_a_failing_disk_is_not_blamed_on_the_report():
    class Failing(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def read(self, size: int = -1) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match="Input/output") as failure:
        open_report(Failing(), "part")
    assert not isinstance(failure.value, Unreadable)
