"""Reads a content file as documents: JSON Lines with one document a line, or Markdown with one answer a heading.

A line of JSON has the attributes of `Document`. A Markdown file begins with YAML between lines of `---`: `kind` and
`branch`, and if wanted `keywords` and `facts` of all its documents. Each heading of level two begins a document; its
facts are `name` and `answer`, and an HTML comment holds keywords. A long section becomes several documents.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Final

import yaml
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from agent_serving.search.document import Document, Kind
from agent_serving.search.errors import ContentError

SUFFIXES: Final = (".jsonl", ".md")
MAX_BYTES: Final = 256 * 1024 * 1024
MAX_CHUNK: Final = 1200
"""Letters of a Markdown section above which it is cut at paragraphs. Longer results cost the prompt too many tokens."""

_SECTION = re.compile(r"^## +(.+?)\s*$", re.MULTILINE)
_COMMENT = re.compile(r"<!--(.*?)-->", re.DOTALL)
_Short = Annotated[str, Field(min_length=1, max_length=300)]
_Code = Annotated[str, Field(pattern=r"^(\*|[a-z0-9][a-z0-9_-]{0,62})$")]
_Fact = Annotated[int, Field(ge=-(2**53), le=2**53)] | FiniteFloat | Annotated[str, Field(max_length=2000)]


class _Row(BaseModel):
    """A document as a content file states it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    id: _Short
    kind: Annotated[Kind, Field(strict=False)]
    branch: _Code
    title: _Short
    text: Annotated[str, Field(max_length=20_000)] = ""
    facts: dict[_Short, _Fact] = Field(default_factory=dict)
    card: dict[_Short, Annotated[str, Field(max_length=2000)]] = Field(default_factory=dict)
    keywords: Annotated[list[Annotated[str, Field(max_length=300)]], Field(max_length=200)] = Field(
        default_factory=list
    )

    @model_validator(mode="after")
    def _check_facts(self) -> _Row:
        for name in ("valid_from", "valid_until"):
            if name in self.facts:
                date.fromisoformat(str(self.facts[name]))
        price = self.facts.get("price_won", 1)
        if not isinstance(price, int) or price < 1:
            raise ValueError(f"price_won is {price!r}; expected a whole number of won from 1")
        return self

    def document(self) -> Document:
        return Document(**self.model_dump() | {"kind": self.kind, "keywords": tuple(self.keywords)})


class _Header(BaseModel):
    """The beginning of a Markdown file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    branch: _Code
    keywords: list[str] = Field(default_factory=list)
    facts: dict[str, Any] = Field(default_factory=dict)


def read_content(content: bytes, source: str) -> list[Document]:
    """Return the documents of a content file.

    Args:
        content: the bytes of the file.
        source: its name below the content folder, with its suffix.

    Raises:
        ContentError: the file is no such file, or two of its documents have one id.
    """
    if len(content) > MAX_BYTES:
        raise ContentError(f"{source}: {len(content):,} bytes; expected at most {MAX_BYTES:,}. Divide the file.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ContentError(f"{source}: byte {error.start} is not UTF-8. Save the file as UTF-8.") from error
    rows = _markdown_rows(text, source) if source.endswith(".md") else _json_rows(text, source)
    found: dict[str, Document] = {}
    for place, row in rows:
        try:
            document = _Row.model_validate(row).document()
        except ValidationError as error:
            fault = error.errors()[0]
            where = ".".join(map(str, fault["loc"])) or "document"
            raise ContentError(f"{source}, {place}: {where}: {fault['msg']}. Correct the file.") from error
        if document.id in found:
            raise ContentError(f"{source}, {place}: the id {document.id!r} stands twice. Give each document its own.")
        found[document.id] = document
    return list(found.values())


def content_files(folder: Path) -> dict[str, Path]:
    """Return the content files below a folder by their names. Files whose name begins with a dot are left out."""
    return {source: folder / source for source in sorted(content_signatures(folder))}


def content_signatures(folder: Path) -> dict[str, str]:
    """Return for each content file below a folder a text that changes whenever the file is written."""
    found: dict[str, str] = {}
    waiting = [""]
    # Not `Path.rglob`: a server looks twice a second, and this takes a fifth of the time.
    while waiting:
        parent = waiting.pop()
        for entry in _entries(folder / parent):
            name = f"{parent}{entry.name}"
            if entry.name.startswith("."):
                continue
            # Links to folders are not followed: they may lead in a circle.
            if entry.is_dir(follow_symlinks=False):
                waiting.append(f"{name}/")
            elif name.endswith(SUFFIXES) and (signature := _signature(entry)):
                found[name] = signature
    return found


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except FileNotFoundError:
        return []  # deleted meanwhile


def _signature(entry: os.DirEntry[str]) -> str | None:
    """Return what changes whenever the file is written; None if it was deleted meanwhile, or is no file."""
    try:
        status = entry.stat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return f"{status.st_ino}-{status.st_size}-{status.st_mtime_ns}-{status.st_ctime_ns}"


def _json_rows(text: str, source: str) -> Iterator[tuple[str, Any]]:
    # Not `splitlines`, which also cuts at separators that JSON text may have within a string.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            yield f"line {number}", json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ContentError(f"{source}, line {number}: not JSON: {error}. Correct the line.") from error


def _markdown_rows(text: str, source: str) -> Iterator[tuple[str, dict[str, Any]]]:
    parts = text.replace("\r\n", "\n").split("---\n", 2)
    try:
        if len(parts) != 3 or parts[0].strip():
            raise ContentError(f"{source}: expected YAML between two lines of --- at the beginning.")
        header = _Header.model_validate(yaml.safe_load(parts[1]))
    except (yaml.YAMLError, ValidationError, RecursionError) as error:
        problem = " ".join(str(error).split())
        raise ContentError(
            f"{source}: the header cannot be used: {problem[:300]}. Expected kind and branch."
        ) from error
    names = sha256(source.encode()).hexdigest()[:8]
    pieces = _SECTION.split(parts[2])
    for number, (title, section) in enumerate(zip(pieces[1::2], pieces[2::2], strict=True)):
        keywords = [word for comment in _COMMENT.findall(section) for word in comment.split()]
        for part, chunk in enumerate(_chunks(_COMMENT.sub("", section).strip())):
            yield (
                f"section {title!r}",
                {
                    "id": f"{header.kind}:{names}-{number}-{part}",
                    "kind": header.kind,
                    "branch": header.branch,
                    "title": title,
                    "text": chunk,
                    "facts": {**header.facts, "name": title, "answer": chunk},
                    "keywords": [*header.keywords, *keywords],
                },
            )


def _chunks(text: str) -> list[str]:
    """Return the text in pieces of at most `MAX_CHUNK` letters, cut between paragraphs, sentences or words."""
    chunks = [""]
    for part in re.split(r"(?<=\n\n)|(?<=[.?!] )", text):
        for start in range(0, len(part), MAX_CHUNK):
            piece = part[start : start + MAX_CHUNK]
            if len(chunks[-1]) + len(piece) > MAX_CHUNK:
                chunks.append("")
            chunks[-1] += piece
    return [chunk.strip() for chunk in chunks if chunk.strip()] or [""]
