"""Searches content of any form in memory: decodes it repeatedly, also nested forms, and searches every part.

Known forms: gzip, zlib, bzip2, xz, zstd, lz4, zip and tar; base64 and the escapes of JSON, URLs and HTML in texts.
Containers of tables (Parquet, Arrow, SQLite) are handed in by `folder`. Everything is searched as plain bytes as well.
"""

from __future__ import annotations

import base64
import binascii
import bz2
import html
import io
import lzma
import re
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import unquote_to_bytes

import pyarrow as pa

from privacy.protection.scan.matcher import Matcher

MOST_BYTES = 1 << 31
"""Most bytes that one compressed part may unpack to. A larger part is not decoded, and reported."""
MOST_LEVELS = 6
"""Most levels of containers within containers. Deeper content is not decoded, and reported."""
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{24,}={0,2}")
_HEX = re.compile(rb"[0-9a-fA-F-]+")
_JSON_ESCAPE = re.compile(r"\\+u([0-9a-fA-F]{4})")
_BYTE_ESCAPE = re.compile(rb"\\+x([0-9a-fA-F]{2})")
_ARROW_CODECS = {b"\x28\xb5\x2f\xfd": "zstd", b"\x04\x22\x4d\x18": "lz4"}
# gzip knows one method only, whose byte 08 tells a file from ciphertext that begins so by chance.
_GZIP = b"\x1f\x8b\x08"
_MAGIC = (b"PK\x03\x04", _GZIP, b"BZh", b"\xfd7zXZ\0", *_ARROW_CODECS)
_ZLIB = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
_TAR_MAGIC = slice(257, 262)


class UndecodedError(Exception):
    """Content begins like a known form, but cannot be decoded."""


@dataclass
class ContentScan:
    """Searches the content of one file and keeps the results.

    `containers`: for the first bytes of a container of tables, the function that searches it.
    `found`: how often each needle was found, by part of the file and needle. `undecoded`: part of the file, reason.
    In all methods, `where` names the part of the file, and `level` counts the containers around it.
    """

    matcher: Matcher
    containers: Mapping[bytes, Container] = field(default_factory=dict)
    found: dict[tuple[str, str], int] = field(default_factory=dict)
    undecoded: list[tuple[str, str]] = field(default_factory=list)

    def add(self, hits: Counter[str], where: str) -> None:
        """Add the numbers of hits of each needle to the results of a part."""
        for name, times in hits.items():
            self.found[where, name] = self.found.get((where, name), 0) + times

    def scan_bytes(self, data: bytes, where: str, level: int = 0) -> None:
        """Search bytes of any form: as they are, unpacked, and as text if they are UTF-8 or UTF-16."""
        self.add(self.matcher.in_bytes(data), f"{where} (bytes)")
        self.unpack(data, where, level)
        is_wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
        try:
            text = data.decode("utf-16" if is_wide else "utf-8")
        except UnicodeDecodeError:
            return
        if is_wide and text.isascii():
            self.add(self.matcher.in_text(text), f"{where} (text)")
        self.scan_text(text, where, level)

    def scan_text(self, text: str, where: str, level: int = 0) -> None:
        """Search a text, also with its escapes and its base64 decoded.

        An ASCII text is not searched undecoded, because the caller has searched its bytes already.
        """
        if not text.isascii():
            self.add(self.matcher.in_text(text), f"{where} (text)")
        for plain in _unescaped(text):
            self.add(self.matcher.in_text(plain), f"{where} (escaped)")
        if level < MOST_LEVELS:
            packed = list(_base64_pieces(text.encode("utf-8", "replace")))
            if packed:
                self.add(self.matcher.in_bytes(b"\x01".join(packed)), f"{where} (base64)")
                self.add(self.matcher.in_text(b"\x01".join(packed).decode("utf-8", "replace")), f"{where} (base64)")
            for piece in packed:
                self.unpack(piece, f"{where} (base64)", level + 1)

    def unpack(self, data: bytes, where: str, level: int = 0) -> None:
        """Decode the bytes if they are a container or compressed, and search the result."""
        is_known = data.startswith((*self.containers, *_MAGIC)) or data[_TAR_MAGIC] == b"ustar"
        if not is_known and not data.startswith(_ZLIB):
            return
        if level >= MOST_LEVELS:
            self.undecoded.append((where, f"packed more than {MOST_LEVELS} times; unpack it and scan again"))
            return
        try:
            self._unpack(data, where, level + 1)
        except (UndecodedError, OSError, EOFError, pa.ArrowException, zlib.error, lzma.LZMAError) as error:
            # Many files begin like zlib by chance, so a failure to decode zlib is not reported.
            if is_known:
                self.undecoded.append((where, f"begins like {_name(data)}, but cannot be decoded: {_reason(error)}"))
        except (zipfile.BadZipFile, tarfile.TarError, NotImplementedError, RuntimeError) as error:
            self.undecoded.append((where, f"begins like {_name(data)}, but cannot be decoded: {_reason(error)}"))

    def _unpack(self, data: bytes, where: str, level: int) -> None:
        for magic, scan_container in self.containers.items():
            if data.startswith(magic):
                scan_container(data, self, where, level)
                return
        if data.startswith(b"PK\x03\x04"):
            self._archive(_zip_members(data), f"{where} > zip", level)
        elif data[_TAR_MAGIC] == b"ustar":
            self._archive(_tar_members(data), f"{where} > tar", level)
        else:
            self.scan_bytes(_decompressed(data), f"{where} > {_name(data)}", level)

    def _archive(self, members: Iterator[tuple[str, bytes]], where: str, level: int) -> None:
        for name, content in members:
            self.add(self.matcher.in_text(name), f"{where} (member's name)")
            self.scan_bytes(content, where, level)


Container: TypeAlias = Callable[[bytes, ContentScan, str, int], None]


def _unescaped(text: str) -> Iterator[str]:
    if "\\u" in text:
        # Decoded repeatedly: a surrogate pair is two escapes, and nested texts are escaped more than once.
        plain = _JSON_ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
        yield plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if "\\x" in text:
        plain_bytes = _BYTE_ESCAPE.sub(lambda match: bytes([int(match[1], 16)]), text.encode("utf-8", "replace"))
        yield plain_bytes.decode("utf-8", "replace")
    if "%" in text:
        yield unquote_to_bytes(text).decode("utf-8", "replace")
    if "&#" in text:
        yield html.unescape(text)


def _base64_pieces(data: bytes) -> Iterator[bytes]:
    for match in _BASE64.finditer(data):
        piece = match[0].replace(b"-", b"+").replace(b"_", b"/").rstrip(b"=")
        if _HEX.fullmatch(match[0]):
            continue
        try:
            yield base64.b64decode(piece + b"=" * (-len(piece) % 4))
        except binascii.Error:
            # Not a multiple of four characters, so perhaps words. Its beginning may still be base64.
            yield base64.b64decode(piece[: len(piece) // 4 * 4])


def _decompressed(data: bytes) -> bytes:
    codec = _ARROW_CODECS.get(data[:4])
    if codec is not None:
        with pa.CompressedInputStream(pa.BufferReader(data), codec) as stream:
            return _within_bounds(stream.read(MOST_BYTES + 1))
    if data.startswith(b"BZh"):
        return _within_bounds(bz2.BZ2File(io.BytesIO(data)).read(MOST_BYTES + 1))
    if data.startswith(b"\xfd7zXZ\0"):
        return _within_bounds(lzma.LZMAFile(io.BytesIO(data)).read(MOST_BYTES + 1))
    if data.startswith(_GZIP):
        import gzip

        return _within_bounds(gzip.GzipFile(fileobj=io.BytesIO(data)).read(MOST_BYTES + 1))
    return _within_bounds(zlib.decompressobj().decompress(data, MOST_BYTES + 1))


def _within_bounds(data: bytes) -> bytes:
    if len(data) > MOST_BYTES:
        raise UndecodedError(f"more than {MOST_BYTES} bytes")
    return data


def _zip_members(data: bytes) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            if info.file_size > MOST_BYTES:
                raise UndecodedError(f"a member has more than {MOST_BYTES} bytes; unpack it and scan again")
            yield info.filename, archive.read(info)


def _tar_members(data: bytes) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            file = archive.extractfile(member)
            yield member.name, file.read() if file else b""


def _reason(error: Exception) -> str:
    """Return the error's type, and the message of our own errors only: a library's message may quote the content."""
    return f"{type(error).__name__} ({error})" if isinstance(error, UndecodedError) else type(error).__name__


def _name(data: bytes) -> str:
    names = {
        b"PAR1": "parquet", b"ARROW1": "arrow", b"SQLite": "sqlite", b"PK\x03\x04": "zip", _GZIP: "gzip",
        b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd", b"\x04\x22\x4d\x18": "lz4",
    }  # fmt: skip
    known = next((name for magic, name in names.items() if data.startswith(magic)), None)
    return known or ("zlib" if data.startswith(_ZLIB) else "tar")
