"""Reads the body of a tracking request: one message, or a batch of messages, in JSON, perhaps compressed with gzip.

Limits are those of Segment's tracking API: 500 kB a request, 2,500 messages a batch, 32 kB a message. The context of a
batch counts in each of its messages, because each event gets it.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import orjson

from agent_serving.collector.errors import CollectionRefused

MOST_BODY_BYTES = 500 * 1024
MOST_MESSAGE_BYTES = 32 * 1024
MOST_MESSAGES = 2_500
MOST_EXPANDED_BYTES = 4 << 20
"""Messages of a request with the context of their batch, a part of what the log takes at once."""
_GZIP = 16 + zlib.MAX_WBITS
_SHARED = ("context", "integrations", "sentAt", "writeKey")
"""Fields of a batch that hold for its messages."""


@dataclass(frozen=True, repr=False)
class Messages:
    """The messages of a request that are within the limits.

    `refused`: number of those that are not: larger, or nested more deeply than JSON can be written here (254 levels).
    """

    messages: list[dict[str, Any]]
    write_key: str | None
    refused: int = 0


def read_body(body: bytes, encoding: str | None, kind: str | None) -> Messages:
    """Return the messages of a body.

    Args:
        body: as sent.
        encoding: the header Content-Encoding.
        kind: the call that the path names, such as `track`; None for a batch, whose messages state their types.

    Raises:
        CollectionRefused: the body is no JSON object of the expected form, or is too large.
    """
    text = _decoded(body, encoding)
    if len(text) > MOST_BODY_BYTES:
        raise CollectionRefused(400, "body_too_large", f"The body has more than {MOST_BODY_BYTES} bytes.")
    try:
        content = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise CollectionRefused(400, "invalid_json", "The body is not JSON in UTF-8.") from None
    if not isinstance(content, dict):
        raise CollectionRefused(400, "invalid_json", "The body is not a JSON object.")
    key = content.get("writeKey")
    write_key = key if isinstance(key, str) else None
    messages = [content | {"type": kind}] if kind is not None else _batch(content)
    sizes = [_size(message) for message in messages]
    if sum(filter(None, sizes)) > MOST_EXPANDED_BYTES:
        detail = f"With the context of the batch, its messages have more than {MOST_EXPANDED_BYTES} bytes."
        raise CollectionRefused(400, "body_too_large", detail)
    sound = [message for message, size in zip(messages, sizes, strict=True) if size is not None]
    return Messages(sound, write_key, len(messages) - len(sound))


def _batch(content: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the messages of a batch, each with the batch's own fields."""
    batch = content.get("batch")
    if not isinstance(batch, list) or not all(isinstance(message, dict) for message in batch):
        raise CollectionRefused(400, "invalid_batch", "The body has no list `batch` of JSON objects.")
    if len(batch) > MOST_MESSAGES:
        raise CollectionRefused(400, "too_many_messages", f"The batch has more than {MOST_MESSAGES} messages.")
    shared = {name: content[name] for name in _SHARED if name in content}
    if _size(shared) is None:
        detail = f"The context of the batch has more than {MOST_MESSAGE_BYTES} bytes, or is nested too deeply."
        raise CollectionRefused(400, "message_too_large", detail)
    return [_with(shared, message) for message in batch]


def _size(message: dict[str, Any]) -> int | None:
    """Return the length of a message in bytes; None if it is beyond a limit."""
    try:
        size = len(orjson.dumps(message))
    except orjson.JSONEncodeError:  # nested too deeply
        return None
    return size if size <= MOST_MESSAGE_BYTES else None


def _with(shared: dict[str, Any], message: dict[str, Any]) -> dict[str, Any]:
    """Return a message with the batch's fields as defaults; the context is merged key by key."""
    whole = shared | message
    ours, its = shared.get("context"), message.get("context")
    if isinstance(ours, dict):
        whole["context"] = ours | its if isinstance(its, dict) else ours
    return whole


def _decoded(body: bytes, encoding: str | None) -> bytes:
    """Return the text of a body; at most one byte more than the limit, whatever the body expands to."""
    name = (encoding or "identity").strip().lower()
    if name == "identity":
        return body
    if name not in ("gzip", "x-gzip"):
        raise CollectionRefused(400, "unknown_encoding", "The body is compressed, and not with gzip.")
    stream = zlib.decompressobj(_GZIP)
    try:
        text = stream.decompress(body, MOST_BODY_BYTES + 1)
    except zlib.error:
        raise CollectionRefused(400, "invalid_gzip", "The body is not compressed with gzip.") from None
    if len(text) <= MOST_BODY_BYTES and not stream.eof:
        raise CollectionRefused(400, "invalid_gzip", "The compressed body ends too early.")
    if stream.unused_data:
        raise CollectionRefused(400, "invalid_gzip", "Something follows the compressed body.")
    return text
