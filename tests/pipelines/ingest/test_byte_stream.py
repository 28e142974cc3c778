import bz2
import gzip
import io
import tempfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.ingest import archive, byte_stream, size_limit
from pipelines.ingest.archive import list_members
from pipelines.ingest.byte_stream import open_bytes, open_seekable
from pipelines.ingest.fault import FileFaultError

TEXT = b"sale_id,amount\n" + b"s1,1.50\n" * 1000


def zstd(content: bytes) -> bytes:
    return bytes(pa.compress(content, codec="zstd", asbytes=True))


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return target.getvalue()


def encrypted(content: bytes) -> bytes:
    """Mark each member of an archive as encrypted, in its own header and in the directory."""
    changed = bytearray(content)
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = changed.find(magic)
        while start >= 0:
            changed[start + offset] |= 1
            start = changed.find(magic, start + 4)
    return bytes(changed)


COMPRESSED = {
    "gzip": gzip.compress(TEXT),
    "bz2": bz2.compress(TEXT),
    "zstd": zstd(TEXT),
    "zip": zipped({"a.csv": TEXT}),
    "zip with bzip2": zipped({"a.csv": TEXT}, zipfile.ZIP_BZIP2),
    "zip with lzma": zipped({"a.csv": TEXT}, zipfile.ZIP_LZMA),
    "two gzip members": gzip.compress(TEXT[:100]) + gzip.compress(TEXT[100:]),
}


@pytest.fixture
def land(tmp_path: Path):
    def write(content: bytes, name: str = "a.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


@pytest.mark.parametrize("kind", COMPRESSED)
def test_a_compressed_file_is_decompressed_under_any_name(land, kind: str) -> None:
    with open_bytes(land(COMPRESSED[kind], "export.dat")) as stream:
        assert stream.read() == TEXT


def test_a_plain_file_is_read_as_it_is(land) -> None:
    with open_bytes(land(b"BZh is a header\n", "a.csv.gz")) as stream:
        assert stream.read() == b"BZh is a header\n"


@pytest.mark.parametrize("kind", COMPRESSED)
@pytest.mark.parametrize("share", [0.3, 0.7, 0.98])
def test_a_file_that_is_cut_off_is_refused(land, kind: str, share: float) -> None:
    content = COMPRESSED[kind]
    path = land(content[: int(len(content) * share)])
    with pytest.raises(FileFaultError, match=r"damaged or cut off .*; send it again"), open_bytes(path) as stream:
        stream.read()


@pytest.mark.parametrize("kind", ["gzip", "bz2", "zip"])
def test_a_changed_byte_is_found_by_the_checksum(land, kind: str) -> None:
    content = bytearray(COMPRESSED[kind])
    content[len(content) // 2] ^= 0xFF
    with pytest.raises(FileFaultError, match="damaged or cut off"), open_bytes(land(bytes(content))) as stream:
        stream.read()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"7z\xbc\xaf\x27\x1c rest", "a 7-Zip archive"),
        (b"Rar!\x1a\x07\x01\x00", "a RAR archive"),
        (b"\xfd7zXZ\x00", "compressed with xz"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "an old Excel workbook (.xls) or one with a password"),
        (b"a.csv" + bytes(252) + b"ustar" + bytes(300), "a tar archive"),
        (gzip.compress(b"a.csv" + bytes(252) + b"ustar" + bytes(300), mtime=0), "a tar archive"),
        (gzip.compress(gzip.compress(TEXT, mtime=0), mtime=0), "compressed twice"),
        (zipped({"a.csv": gzip.compress(TEXT, mtime=0)}), "compressed twice"),
        (zipped({"a.csv": zipped({"b.csv": TEXT})}), "compressed twice"),
        (encrypted(zipped({"a.csv": TEXT})), "encrypted; land it without a password"),
        (zipped({}), "the archive holds 0 files"),
        (zipped({"a.csv": TEXT, "b.csv": TEXT}), "the archive holds 2 files"),
    ],
)
def test_a_file_in_an_unsupported_form_is_refused_by_name(land, content: bytes, reason: str) -> None:
    with pytest.raises(FileFaultError) as found:
        open_bytes(land(content))
    assert reason in found.value.reason


@pytest.mark.parametrize("kind", ["gzip", "bz2", "zstd", "zip"])
def test_a_decompression_bomb_is_refused_before_it_has_grown(land, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(size_limit, "HARMLESS_BYTES", 1 << 20)
    zeros = bytes(64 << 20)
    pack = {"gzip": gzip.compress, "bz2": bz2.compress, "zstd": zstd, "zip": lambda text: zipped({"a.csv": text})}
    path = land(pack[kind](zeros))
    read: list[int] = []

    def read_all() -> None:
        with open_bytes(path) as stream:
            while chunk := stream.read(1 << 16):
                read.append(len(chunk))

    with pytest.raises(FileFaultError, match="as a decompression bomb does"):
        read_all()
    assert sum(read) <= (1 << 20) + size_limit.MAX_RATIO * path.stat().st_size


def test_a_small_file_of_equal_rows_is_no_bomb(land) -> None:
    rows = b"s1,1.50\n" * (1 << 18)
    path = land(zstd(rows))
    assert len(rows) > size_limit.MAX_RATIO * path.stat().st_size
    with open_bytes(path) as stream:
        assert stream.read() == rows


def test_an_archive_with_too_many_files_is_refused(land, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_MEMBERS", 3)
    assert len(list_members(land(zipped({f"{number}.csv": b"x" for number in range(3)})))) == 3
    with pytest.raises(FileFaultError, match="holds 4 files; more than 3 are refused"):
        list_members(land(zipped({f"{number}.csv": b"x" for number in range(4)})))


def test_members_are_listed_without_folders_and_system_files(land) -> None:
    path = land(zipped({"b/": b"", "b/2.csv": b"2", "1.csv": b"1", "__MACOSX/1.csv": b"x", ".DS_Store": b"x"}))
    assert list_members(path) == ("1.csv", "b/2.csv")
    with open_bytes(path, "b/2.csv") as stream:
        assert stream.read() == b"2"


def test_a_member_with_a_path_outside_is_read_and_nothing_is_written(land, tmp_path: Path) -> None:
    path = land(zipped({"../../evil.csv": TEXT}))
    before = sorted(tmp_path.rglob("*"))
    with open_bytes(path, "../../evil.csv") as stream:
        assert stream.read() == TEXT
    assert sorted(tmp_path.rglob("*")) == before
    for base in (path.parent, tmp_path, Path.cwd(), Path(tempfile.gettempdir())):
        assert not (base / "../../evil.csv").exists()


def test_korean_names_of_a_windows_archive_are_read() -> None:
    info = zipfile.ZipInfo("매출.csv".encode("cp949").decode("cp437"))
    assert archive.name_of(info) == "매출.csv"


def test_a_binary_file_is_opened_by_path_or_in_bounded_memory(land, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = land(b"PAR1...", "a.parquet")
    assert open_seekable(plain) == plain
    packed = land(gzip.compress(b"PAR1" + bytes(2000)), "a.parquet.gz")
    content = open_seekable(packed)
    assert isinstance(content, io.BytesIO)
    assert len(content.getvalue()) == 2004
    monkeypatch.setattr(byte_stream, "MEMORY_BYTES", 1000)
    with pytest.raises(FileFaultError, match="when decompressed; land it uncompressed"):
        open_seekable(packed)


def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFaultError, match="cannot be read: No such file"):
        open_bytes(tmp_path / "none.csv")
