"""Keeps sealed chunks and manifests in one place.

A file is cut into chunks of `CHUNK_BYTES`. A chunk's name is HMAC-SHA256 of its content, so equal chunks are stored
once and a backup writes only what is new. A manifest lists the files of one part of a backup, with their chunks.

Guarantee: without the backup key, the place reveals the number, sizes and times of chunks, and nothing of their
content (AES-256-GCM, a key per chunk derived by HMAC-SHA256). A chunk or manifest that was changed, cut or exchanged
for another one is refused. Not found: a manifest that was deleted, or a place that was put back to an earlier state as
a whole; the anchors of the stores show that.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from installation.backup.place import BackupError, Place

if TYPE_CHECKING:
    from collections.abc import Mapping

CHUNK_BYTES = 16 * 1024 * 1024
"""Memory for a few chunks is always there, and an object store takes them in one request each."""
_NONCE_BYTES = 12
_LENGTH_BYTES = 8
_CHECK = "check/key"


class Part(StrEnum):
    """A part of a backup.

    TABLES and STORES are kept for some days. LIVE has what an erasure must remove from backups too, and SECRETS the
    keys that it destroys; so only the newest of both is kept.
    """

    TABLES = "tables"
    STORES = "stores"
    LIVE = "live"
    SECRETS = "secrets"


class Area(StrEnum):
    """The folder to which a file's path is relative; DATABASE: the rows of one table of PostgreSQL."""

    LAKEHOUSE = "lakehouse"
    LANDING = "landing"
    DATA = "data"
    SECRET = "secret"
    DATABASE = "database"


class FileEntry(BaseModel):
    """One file of a backup."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    area: Area
    path: str
    size: int
    mtime_ns: int
    chunks: tuple[str, ...]


class Manifest(BaseModel):
    """One part of a backup.

    `tables`: version of each Delta table. `claim`: the lakehouse's claim without its lease. `database`: version of the
    tables in PostgreSQL; None if the stores are files.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    part: Part
    made_at: AwareDatetime
    files: tuple[FileEntry, ...]
    tables: dict[str, int] = {}
    claim: str | None = None
    database: str | None = None

    @property
    def size(self) -> int:
        """The bytes of all files before compression."""
        return sum(file.size for file in self.files)


class Vault:
    """The chunks and manifests of one place. Safe under threads."""

    def __init__(self, place: Place, key: bytes) -> None:
        """Open the place, see `Place`.

        Args:
            place: where the files are.
            key: the 32 bytes of the backup key.

        Raises:
            BackupError: the place was written with another key.
        """
        self.place = place
        self._seal_key = hmac.digest(key, b"bojagi backup seal", "sha256")
        self._name_key = hmac.digest(key, b"bojagi backup name", "sha256")
        self._check = hmac.digest(key, b"bojagi backup check", "sha256").hex().encode()
        self._known: set[str] | None = None
        if (found := self._found_check()) is not None and not hmac.compare_digest(found, self._check):
            raise BackupError(
                f"{place.location}: written with another backup key. Restore the key_file of [backup], or name an "
                "empty place."
            )

    def write_chunks(self, stream: BinaryIO) -> tuple[int, tuple[str, ...]]:
        """Write the chunks of a stream that are not there yet; return the size of the stream and all names."""
        size, names = 0, []
        while piece := _read_fully(stream):
            name = hmac.digest(self._name_key, piece, "sha256").hex()
            if name not in self.known():
                self.place.write(_chunk(name), [self._seal(name, _packed(piece))], is_durable=False)
                self.known().add(name)
            size += len(piece)
            names.append(name)
        return size, tuple(names)

    def read_chunks(self, names: Iterable[str]) -> Iterator[bytes]:
        """Yield the content of chunks.

        Raises:
            BackupError: a chunk is missing or was changed.
        """
        for name in names:
            piece = _unpacked(self._unseal(name, self.place.read(_chunk(name)), _chunk(name)))
            if not hmac.compare_digest(hmac.digest(self._name_key, piece, "sha256").hex(), name):
                raise self._changed(_chunk(name))
            yield piece

    def known(self) -> set[str]:
        """Return the names of the chunks that a manifest needs and that are there; the place is read once.

        A chunk without a manifest may be from a backup that a power failure ended, so it is written again.
        """
        if self._known is None:
            self._known = self._listed() & self._needed()
        return self._known

    def write_manifest(self, manifest: Manifest) -> None:
        """Write a manifest. Its chunks are there already, and get to the disk first."""
        if self.place.folder is not None:
            os.sync()
        if self._found_check() is None:
            self.place.write(_CHECK, [self._check])
        name = _manifest(manifest.part, manifest.id)
        self.place.write(name, [self._seal(name, _packed(manifest.model_dump_json().encode()))])

    def ids(self, part: Part) -> list[str]:
        """Return the ids of the manifests of a part, the oldest first."""
        return [name.rpartition("/")[2] for name in self.place.names(f"manifest/{part}")]

    def manifest(self, part: Part, identifier: str) -> Manifest:
        """Return a manifest.

        Raises:
            BackupError: it is missing or was changed.
        """
        name = _manifest(part, identifier)
        try:
            return Manifest.model_validate_json(_unpacked(self._unseal(name, self.place.read(name), name)))
        except ValidationError as error:
            raise BackupError(f"{self.place.location}/{name}: written by another version of Bojagi.") from error

    def newest(self, part: Part) -> Manifest | None:
        """Return the newest manifest of a part; None if there is none."""
        ids = self.ids(part)
        return self.manifest(part, ids[-1]) if ids else None

    def manifests(self) -> Iterator[Manifest]:
        """Yield every manifest of the place."""
        for part in Part:
            for identifier in self.ids(part):
                yield self.manifest(part, identifier)

    def prune(self, keeps: Callable[[Part, str], bool]) -> int:
        """Delete the manifests that `keeps` refuses, then every chunk that no manifest needs; return how many chunks.

        No other process may write to the place meanwhile.
        """
        for part in Part:
            for identifier in self.ids(part):
                if not keeps(part, identifier):
                    self.place.delete(_manifest(part, identifier))
        gone = self._listed() - self._needed()
        for name in gone:
            self.place.delete(_chunk(name))
        self._known = None
        return len(gone)

    def _listed(self) -> set[str]:
        return {name.rpartition("/")[2] for name in self.place.names("chunk")}

    def _needed(self) -> set[str]:
        return {chunk for manifest in self.manifests() for file in manifest.files for chunk in file.chunks}

    def _found_check(self) -> bytes | None:
        return self.place.read(_CHECK) if self.place.names("check") else None

    def _seal(self, name: str, content: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + AESGCM(self._key_of(name)).encrypt(nonce, content, name.encode())

    def _unseal(self, name: str, sealed: bytes, file: str) -> bytes:
        try:
            return AESGCM(self._key_of(name)).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], name.encode())
        except (InvalidTag, ValueError) as error:
            raise self._changed(file) from error

    def _key_of(self, name: str) -> bytes:
        return hmac.digest(self._seal_key, name.encode(), "sha256")

    def _changed(self, file: str) -> BackupError:
        return BackupError(
            f"{self.place.location}/{file}: was changed or damaged after it was written. Restore an older backup, or "
            "make a new one."
        )


def previous_files(manifest: Manifest | None) -> Mapping[tuple[Area, str], FileEntry]:
    """Return the files of a former manifest by area and path."""
    return {} if manifest is None else {(file.area, file.path): file for file in manifest.files}


def _chunk(name: str) -> str:
    return f"chunk/{name[:2]}/{name}"


def _manifest(part: Part, identifier: str) -> str:
    return f"manifest/{part}/{identifier}"


def _read_fully(stream: BinaryIO) -> bytes:
    """Return the next chunk of a stream; a shorter one only at the end."""
    pieces, missing = [], CHUNK_BYTES
    while missing and (piece := stream.read(missing)):
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces)


def _packed(content: bytes) -> bytes:
    import pyarrow as pa

    compressed: bytes = pa.compress(content, codec="zstd", asbytes=True)
    return len(content).to_bytes(_LENGTH_BYTES, "big") + compressed


def _unpacked(packed: bytes) -> bytes:
    import pyarrow as pa

    size = int.from_bytes(packed[:_LENGTH_BYTES], "big")
    content: bytes = pa.decompress(packed[_LENGTH_BYTES:], decompressed_size=size, codec="zstd", asbytes=True)
    return content
