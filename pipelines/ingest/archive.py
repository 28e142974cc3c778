"""Reads the files of a ZIP archive as streams. Nothing is extracted, so the paths in an archive have no effect."""

import io
import zipfile
import zlib
from lzma import LZMAError
from pathlib import Path, PurePosixPath

from pipelines.ingest.fault import FileFaultError
from pipelines.ingest.size_limit import SizeLimit

# An archive with more files is more likely an attack or a mistake than an export; each file costs a commit key.
MAX_MEMBERS = 1000
# What reading damaged compressed data raises.
DAMAGED = (OSError, EOFError, ValueError, NotImplementedError, zlib.error, LZMAError, zipfile.BadZipFile)
_ENCRYPTED = 0x1
_UTF8_NAME = 0x800


def is_zip(start: bytes) -> bool:
    """Return whether a file that begins with these bytes is a ZIP archive; Excel workbooks are, too."""
    return start.startswith((b"PK\x03\x04", b"PK\x05\x06"))


def is_workbook(path: Path) -> bool:
    """Return whether a ZIP archive is an office document, such as an Excel workbook."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except DAMAGED:
        # The directory stands at the end of an archive; a truncated one is told by its suffix only.
        return path.suffix.lower() in (".xlsx", ".xlsm")
    return "[Content_Types].xml" in names or "META-INF/manifest.xml" in names


def list_members(path: Path) -> tuple[str, ...]:
    """Return the names of the files in a ZIP archive, sorted; folders and files of the operating system left out.

    Raises:
        FileFaultError: the archive is damaged, empty, has too many files, or would grow beyond the size limits.

    """
    with _open(path) as archive:
        names = sorted(name_of(info) for info in _check(archive, path))
    if len(set(names)) < len(names):
        raise FileFaultError("archive", "the archive has two files of the same name; send it again")
    if not names:
        raise FileFaultError("empty", "the archive holds no file; nothing can be loaded from it")
    return tuple(names)


def open_member(path: Path, name: str | None) -> io.RawIOBase:
    """Open one file of a ZIP archive for reading; None means the only one.

    Raises:
        FileFaultError: the archive is refused, or the file is encrypted. Reading raises it for damaged data.

    """
    archive = _open(path)
    try:
        if is_workbook(path):
            raise FileFaultError("format", "the file is an Excel workbook; state format: xlsx in the contract")
        members = {name_of(info): info for info in _check(archive, path)}
        if name is None and len(members) != 1:
            reason = f"the archive holds {len(members)} files, none of which matches the contract's path"
            raise FileFaultError("archive", f"{reason}; name them as the contract says")
        info = members[name] if name is not None else next(iter(members.values()))
        if info.flag_bits & _ENCRYPTED:
            raise FileFaultError("archive", "the archive is encrypted; land it without a password")
        return _Member(archive, info)
    except BaseException:
        archive.close()
        raise


def name_of(info: zipfile.ZipInfo) -> str:
    """Return the path of a file in its archive. Names that are not marked as UTF-8 may be UTF-8 or CP949."""
    if info.flag_bits & _UTF8_NAME or info.filename.isascii():
        return info.filename
    raw = info.filename.encode("cp437", "replace")
    for codec in ("utf-8", "cp949"):
        try:
            return raw.decode(codec)
        except UnicodeError:
            continue
    return info.filename


def _open(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except DAMAGED as error:
        raise FileFaultError("unreadable", f"the archive is damaged or cut off ({error}); send it again") from error


def _check(archive: zipfile.ZipFile, path: Path) -> list[zipfile.ZipInfo]:
    if not all(info.filename for info in archive.infolist()):
        raise FileFaultError("unreadable", "the archive is damaged (a file without a name); send it again")
    infos = [info for info in archive.infolist() if not info.is_dir() and not _is_system_file(info.filename)]
    if len(infos) > MAX_MEMBERS:
        reason = f"the archive holds {len(infos)} files; more than {MAX_MEMBERS} are refused: split it"
        raise FileFaultError("archive", reason)
    # A ZIP states the size of each file, and no more than this is ever read from it.
    SizeLimit(path.stat().st_size).add(sum(info.file_size for info in infos))
    return infos


def _is_system_file(name: str) -> bool:
    path = PurePosixPath(name)
    return path.parts[:1] == ("__MACOSX",) or path.name in (".DS_Store", "Thumbs.db", "desktop.ini")


class _Member(io.RawIOBase):
    """Reads one file of an archive; turns errors into faults of the file, and closes the archive with itself."""

    def __init__(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
        self._archive = archive
        try:
            self._stream = archive.open(info)
        except (*DAMAGED, RuntimeError) as error:
            raise FileFaultError("archive", f"a file of the archive cannot be read ({error}); send it again") from error

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        try:
            content = self._stream.read(len(buffer))
            buffer[: len(content)] = content
            return len(content)
        except (*DAMAGED, RuntimeError) as error:
            raise FileFaultError("unreadable", f"the archive is damaged or cut off ({error}); send it again") from error

    def close(self) -> None:
        if not self.closed and hasattr(self, "_stream"):
            self._stream.close()
            self._archive.close()
        super().close()
