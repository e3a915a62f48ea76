import bz2
import gzip
import io
import struct
import zipfile

import pytest
import zstandard

from costwire_focus.errors import Unreadable
from costwire_focus.readers import compression, open_report

HEADER = b"BilledCost,ServiceName\n"
ROWS = b"".join(b"%d,service %d\n" % (n, n * 7919) for n in range(20_000))
REPORT = HEADER + ROWS


def zipped(members, method=zipfile.ZIP_DEFLATED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


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
        pytest.param(bz2.compress(REPORT), id="bzip2"),
        pytest.param(bz2.compress(HEADER) + bz2.compress(ROWS), id="bzip2 streams"),
        pytest.param(zipped({"bill.csv": REPORT}), id="zip"),
        pytest.param(zipped({"bill.csv": REPORT}, zipfile.ZIP_STORED), id="zip, stored"),
        pytest.param(zipped({"bill.csv": REPORT}, zipfile.ZIP_BZIP2), id="zip, bzip2"),
        pytest.param(zipped({"bill.csv.gz": gzip.compress(REPORT)}), id="gzip in zip"),
        pytest.param(
            zipped({"a/": b"", "a/bill.csv": REPORT, "__MACOSX/a/._bill.csv": b"x", ".DS": b"y"}),
            id="zip with a folder and hidden files",
        ),
        pytest.param(zstandard.compress(HEADER) + zstandard.compress(ROWS), id="zstd frames"),
    ],
)
def test_a_report_is_the_same_however_it_is_compressed(read, data):
    seen = read(data, batch_bytes=1 << 16)
    assert seen == read(REPORT)
    assert len(seen.rows) == 20_000


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress, bz2.compress])
@pytest.mark.parametrize("kept", [0.02, 0.5, 0.99])
def test_a_compressed_stream_that_is_cut_off_is_unreadable(read, compress, kept):
    data = compress(REPORT)
    with pytest.raises(Unreadable, match="cut off or damaged"):
        read(data[: int(len(data) * kept)])


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress, bz2.compress])
def test_a_second_part_that_is_cut_off_is_unreadable(read, compress):
    with pytest.raises(Unreadable, match="cut off or damaged"):
        read(compress(REPORT) + compress(REPORT)[:-6])


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress, bz2.compress])
def test_a_second_part_that_is_damaged_is_never_passed_over(read, compress):
    second = bytearray(compress(b"1,a\n"))
    second[0] ^= 1
    with pytest.raises(Unreadable, match="cut off or damaged"):
        read(compress(REPORT) + bytes(second))


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress, bz2.compress])
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


def flagged(data, offset, value):
    """A zip archive with two bytes changed in both of its headers."""
    changed = bytearray(data)
    central = data.index(b"PK\x01\x02")
    struct.pack_into("<H", changed, offset, value)
    struct.pack_into("<H", changed, central + offset + 2, value)
    return bytes(changed)


ONE = zipped({"bill.csv": REPORT})
ENCRYPTED, METHOD = 6, 8


@pytest.mark.parametrize(
    ("data", "said"),
    [
        pytest.param(
            zipped({"a.csv": REPORT, "b.csv": REPORT}),
            r"2 files .*\(a.csv, b.csv\)",
            id="two files",
        ),
        pytest.param(zipped({"a/": b""}), "0 files", id="no file"),
        pytest.param(zipped({"[Content_Types].xml": b"", "x": b""}), "Excel", id="workbook"),
        pytest.param(flagged(ONE, ENCRYPTED, 1), "encrypted; unpack it", id="encrypted"),
        pytest.param(flagged(ONE, METHOD, 9), "method 9", id="rare method"),
        pytest.param(ONE[:-30], "cut off or damaged", id="cut off"),
        pytest.param(ONE[:60], "cut off or damaged", id="end missing"),
        pytest.param(
            zipped({f"{n}.csv": b"" for n in range(20_000)}), "thousands", id="long directory"
        ),
        pytest.param(
            gzip.compress(gzip.compress(gzip.compress(REPORT))), "more than 2 times", id="layers"
        ),
        pytest.param(gzip.compress(b"PAR1" + bytes(99)), "packed parquet", id="packed parquet"),
        pytest.param(b"PARE" + bytes(99), "encrypted parquet", id="encrypted parquet"),
        pytest.param(b"Obj\x01" + bytes(99), "Avro", id="Avro"),
        pytest.param(b"\r\n <!DOCTYPE html><html>", "web page.*sign-in", id="sign-in page"),
        pytest.param(b"\xef\xbb\xbf<html>", "web page", id="web page with a mark"),
        pytest.param(b"<?xml version='1.0'?><Error/>", "XML", id="answer of a store"),
        pytest.param(bytes(257) + b"ustar\0" + bytes(99), "tar archive", id="tar"),
        pytest.param(gzip.compress(bytes(257) + b"ustar\0"), "tar archive", id="packed tar"),
        pytest.param(b"\xfd7zXZ\x00" + bytes(99), "xz", id="xz"),
        pytest.param(b"%PDF-1.7" + bytes(99), "PDF", id="PDF"),
    ],
)
def test_what_cannot_be_unpacked_or_is_no_report_is_named(read, data, said):
    with pytest.raises(Unreadable, match=f"(?s){said}"):
        read(data)


def _directory_moved():
    """The directory says that it begins later than it does: the file before the first byte."""
    end = ONE.rindex(b"PK\x05\x06") + 16
    (start,) = struct.unpack_from("<L", ONE, end)
    return ONE[:end] + struct.pack("<L", start + 7) + ONE[end + 4 :]


def _as_zip64(data):
    """The same archive, as tools write it that do not know its size beforehand."""
    end = data.rindex(b"PK\x05\x06")
    members, size, start = struct.unpack_from("<HLL", data, end + 10)
    long_end = struct.pack(
        "<4sQHHLLQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, members, members, size, start
    )
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)
    short = struct.pack(
        "<4sHHHHLLH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0
    )
    return data[:end] + long_end + locator + short


@pytest.mark.parametrize("name", ["./bill.csv", "../bill.csv", "a/./bill.csv"])
def test_member_of_a_zip_is_read_whatever_folder_it_names(read, name):
    hidden = {"__MACOSX/._bill.csv": b"x", ".DS_Store": b"x", "./.hidden": b"x"}
    assert len(read(zipped({name: REPORT, **hidden})).rows) == 20_000


def test_zip64_is_read_like_any_zip(read):
    assert len(read(_as_zip64(ONE)).rows) == 20_000


def test_zip64_of_thousands_of_files_is_refused_as_such(read):
    with pytest.raises(Unreadable, match="thousands"):
        read(_as_zip64(zipped({f"{n}.csv": b"" for n in range(20_000)})))


def test_directory_is_refused_that_only_a_record_tells_which_nothing_points_to(read):
    """Python before 3.13 believes the longer record even where the short one tells all."""
    data = bytearray(_as_zip64(zipped({f"{n}.csv": b"" for n in range(20_000)})))
    struct.pack_into("<L", data, data.rindex(b"PK\x05\x06") + 12, 100)
    with pytest.raises(Unreadable, match=r"thousands|damaged"):
        read(bytes(data))


@pytest.mark.parametrize("magic", [b"PK\x06\x07", b"PK\x06\x06"], ids=["locator", "record"])
def test_zip64_whose_records_are_damaged_is_told_as_damaged(read, magic):
    data = bytearray(_as_zip64(ONE))
    data[data.rindex(magic) + 1] ^= 0xFF
    with pytest.raises(Unreadable, match="cut off or damaged"):
        read(bytes(data))


def _claiming_more(data, more):
    """The archive with more bytes behind its member, which its headers take for the member's."""
    directory, end = data.rindex(b"PK\x01\x02"), data.rindex(b"PK\x05\x06")
    (packed,) = struct.unpack_from("<L", data, directory + 20)
    claiming = bytearray(data[:directory] + bytes(more) + data[directory:])
    struct.pack_into("<L", claiming, 18, packed + more)
    struct.pack_into("<L", claiming, directory + more + 20, packed + more)
    struct.pack_into("<L", claiming, end + more + 16, directory + more)
    return bytes(claiming)


def test_what_a_zip_unpacks_to_is_bounded_by_the_bytes_that_were_taken(monkeypatch):
    monkeypatch.setattr(compression, "_FREE_BYTES", 1 << 20)
    bomb = zipped({"a": HEADER + b"1,aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n" * 400_000})
    stream = io.BytesIO(_claiming_more(bomb, 1 << 20))
    report = open_report(stream, "part", batch_bytes=1 << 13)
    with pytest.raises(Unreadable, match="over 200 times as many"):
        list(report.batches())


def _newer_format():
    entry = ONE.rindex(b"PK\x01\x02") + 6
    return ONE[:entry] + struct.pack("<H", 99) + ONE[entry + 2 :]


@pytest.mark.parametrize(
    "data", [_directory_moved(), _newer_format()], ids=["directory", "version"]
)
def test_damaged_zip_is_told_as_one_wherever_it_is(tmp_path, data):
    file = tmp_path / "bill.zip"
    file.write_bytes(data)
    with file.open("rb") as on_disk:
        for stream in (io.BytesIO(data), on_disk):
            with pytest.raises(Unreadable, match="cut off or damaged"):
                open_report(stream, "bill.zip")


def test_zip_that_cannot_be_read_from_its_end_is_refused():
    with pytest.raises(Unreadable, match="save it as a file"):
        open_report(Forward(ONE, 100_000), "part")


def packed_twice(data):
    """Each time by less than 200 to 1."""
    return gzip.compress(gzip.compress(data, 1))


@pytest.mark.parametrize(
    "pack", [gzip.compress, zstandard.compress, lambda b: zipped({"a": b}), packed_twice]
)
def test_what_unpacks_to_far_more_than_it_is_ends(monkeypatch, pack):
    monkeypatch.setattr(compression, "_FREE_BYTES", 1 << 20)
    bomb = pack(HEADER + b"1,aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n" * 400_000)
    report = open_report(io.BytesIO(bomb), "part", batch_bytes=1 << 16)
    with pytest.raises(Unreadable, match="over 200 times as many"):
        list(report.batches())


def test_a_large_report_that_packs_well_is_no_bomb(monkeypatch, read):
    monkeypatch.setattr(compression, "_FREE_BYTES", 0)
    assert len(read(gzip.compress(REPORT)).rows) == 20_000
