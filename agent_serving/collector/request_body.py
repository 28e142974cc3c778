"""Reads the body of a tracking request: one message, or a batch of messages, in JSON, perhaps compressed with gzip.

Limits are those of Segment's tracking API: 500 kB a request, 32 kB a message.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import orjson

from agent_serving.collector.errors import CollectionRefused

MOST_BODY_BYTES = 500 * 1024
MOST_MESSAGE_BYTES = 32 * 1024
_GZIP = 16 + zlib.MAX_WBITS
_SHARED = ("context", "integrations", "sentAt", "writeKey")
"""Fields of a batch that hold for its messages."""


@dataclass(frozen=True, repr=False)
class Messages:
    """The messages of a request that are within the limits. `oversized`: number of those that are not."""

    messages: list[dict[str, Any]]
    write_key: str | None
    oversized: int = 0


def read_body(body: bytes, encoding: str | None, kind: str | None) -> Messages:
    """Return the messages of a body.

    Args:
        body: as sent.
        encoding: the header Content-Encoding.
        kind: the call that the path names, such as `track`; None for a batch, whose messages state their types.

    Raises:
        CollectionRefused: the body is no JSON object of the expected form, or is too large.
    """
    text = _decompressed(body) if encoding == "gzip" else body
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
    if kind is not None:
        # A message alone needs no second look at its size: the body is the message.
        message = content | {"type": kind}
        return Messages([message], write_key) if len(text) <= MOST_MESSAGE_BYTES else Messages([], write_key, 1)
    batch = content.get("batch")
    if not isinstance(batch, list) or not all(isinstance(message, dict) for message in batch):
        raise CollectionRefused(400, "invalid_batch", "The body has no list `batch` of JSON objects.")
    if len(text) > MOST_MESSAGE_BYTES:
        sound = [message for message in batch if len(orjson.dumps(message)) <= MOST_MESSAGE_BYTES]
    else:
        sound = batch
    shared = {name: content[name] for name in _SHARED if name in content}
    return Messages([_with(shared, message) for message in sound], write_key, len(batch) - len(sound))


def _with(shared: dict[str, Any], message: dict[str, Any]) -> dict[str, Any]:
    """Return a message with the batch's fields as defaults; the context is merged key by key."""
    whole = shared | message
    ours, its = shared.get("context"), message.get("context")
    if isinstance(ours, dict) and isinstance(its, dict):
        whole["context"] = ours | its
    return whole


def _decompressed(body: bytes) -> bytes:
    """Return the text of a gzip body; at most one byte more than the limit, whatever the body expands to."""
    stream = zlib.decompressobj(_GZIP)
    try:
        text = stream.decompress(body, MOST_BODY_BYTES + 1)
    except zlib.error:
        raise CollectionRefused(400, "invalid_gzip", "The body is not compressed with gzip.") from None
    if len(text) <= MOST_BODY_BYTES and not stream.eof:
        raise CollectionRefused(400, "invalid_gzip", "The compressed body ends too early.")
    return text
