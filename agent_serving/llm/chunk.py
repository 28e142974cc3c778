"""Reads the body of a chat completion as it arrives: server-sent events, or one JSON object of a server without them.

A body is foreign data: every line, its length and its kinds of values are checked.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

MOST_LINE_BYTES = 1024 * 1024
"""A line of an event holds one piece of an answer, or a whole answer of a server that does not stream."""


class BodyBroken(Exception):
    """The body is not what the protocol says. `overflow` says that the server names the length of the prompt."""

    def __init__(self, *, overflow: bool = False) -> None:
        super().__init__("The body of the answer is not a chat completion.")
        self.overflow = overflow


@dataclass(frozen=True)
class Chunk:
    """What one event holds. `is_end` where the server says that the answer is whole."""

    text: str = ""
    is_end: bool = False
    usage: dict[str, Any] | None = None


async def read_chunks(body: AsyncIterator[bytes]) -> AsyncIterator[Chunk]:
    """Yield the events of a body.

    Raises:
        BodyBroken: a line is too long, is not JSON, has other kinds of values, or reports an error.
    """
    whole, has_events = "", False
    async for line in _lines(body):
        if line.startswith("data:"):
            data, has_events = line[5:].strip(), True
            if data == "[DONE]":
                yield Chunk(is_end=True)
                return
            yield chunk_of(_loaded(data))
        elif line and not line.startswith((":", "event:", "id:", "retry:")):
            whole += line
            if len(whole) > MOST_LINE_BYTES:
                raise BodyBroken
    if whole and not has_events:
        yield chunk_of(_loaded(whole))


def chunk_of(found: Any) -> Chunk:
    """Return what one JSON object of the protocol holds.

    Raises:
        BodyBroken: it is no object of the protocol, or reports an error.
    """
    if not isinstance(found, dict):
        raise BodyBroken
    if found.get("error"):
        raise BodyBroken(overflow=is_overflow(json.dumps(found["error"])))
    usage = found.get("usage")
    choices = found.get("choices") or []
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices[:1]):
        raise BodyBroken
    if not choices:
        return Chunk(usage=usage if isinstance(usage, dict) else None)
    part = choices[0].get("delta") or choices[0].get("message") or {}
    text = part.get("content") if isinstance(part, dict) else 0
    if text is not None and not isinstance(text, str):
        raise BodyBroken
    # Half of a surrogate pair is valid JSON and no text: it could not be written anywhere.
    clean = (text or "").encode("utf-8", "replace").decode()
    return Chunk(clean, choices[0].get("finish_reason") is not None, usage if isinstance(usage, dict) else None)


def is_overflow(message: str) -> bool:
    """Return whether a server's error says that the prompt is longer than the model's context."""
    lowered = message.lower()
    return "context" in lowered and any(word in lowered for word in ("length", "exceed", "longer", "maximum"))


async def _lines(body: AsyncIterator[bytes]) -> AsyncIterator[str]:
    held = b""
    async for part in body:
        *lines, held = (held + part).split(b"\n")
        if len(held) > MOST_LINE_BYTES or any(len(line) > MOST_LINE_BYTES for line in lines):
            raise BodyBroken
        for line in lines:
            yield line.decode("utf-8", "replace").strip("\r")
    # An event without its line end is incomplete; the one JSON object of a server without events needs none.
    if not held.startswith(b"data:"):
        yield held.decode("utf-8", "replace").strip("\r")


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BodyBroken from error
