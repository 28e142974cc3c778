"""Reads Avro messages as JSON text, so that the contract decides the types of their values as it does for files."""

from __future__ import annotations

import datetime
import io
import math
from decimal import Decimal
from typing import Any

import fastavro
from fastavro.schema import SchemaParseException, UnknownType, fingerprint, to_parsing_canonical_form

from pipelines.ingest.exact_json import Number, encode
from pipelines.ingest.fault import FileFaultError, RowFault
from pipelines.ingest.source_file import CONTENT_ERRORS
from privacy.contract.document import KafkaTopic

REGISTRY_BYTES = 5
SINGLE_OBJECT = b"\xc3\x01"
"""How Avro's single-object encoding begins; the CRC-64 fingerprint of the schema follows."""


class MessageFault(Exception):
    """A message cannot be read. `fault` says why, without a part of the message."""

    def __init__(self, rule: str, reason: str) -> None:
        super().__init__(reason)
        self.fault = RowFault(None, rule, reason)


class AvroReader:
    """Reads messages that were written with the schema of the contract."""

    def __init__(self, origin: KafkaTopic) -> None:
        try:
            self._schema = fastavro.parse_schema(dict(origin.avro_schema), named_schemas={})
            canonical = to_parsing_canonical_form(dict(origin.avro_schema))
        except (SchemaParseException, UnknownType, *CONTENT_ERRORS) as error:
            reason = f"avroSchema of the contract is not a schema of Avro ({type(error).__name__}); correct it"
            raise FileFaultError("schema", reason) from error
        self._header = origin.avro_header
        self._fingerprint = bytes.fromhex(fingerprint(canonical, "CRC-64-AVRO"))

    def text(self, message: bytes) -> str:
        """Return the datum of a message as JSON text.

        Numbers keep their digits. Times are in ISO 8601, an instant with +00:00; bytes are hexadecimal.

        Raises:
            MessageFault: the message was not written with this schema.
        """
        stream = io.BytesIO(message)
        stream.seek(self._start(message))
        try:
            datum = fastavro.schemaless_reader(stream, self._schema, None)
            if stream.tell() != len(message):
                raise MessageFault("avro", "bytes follow the datum: it was written with another schema than avroSchema")
            return encode(_plain(datum))
        except CONTENT_ERRORS as error:
            reason = f"not a datum of avroSchema ({type(error).__name__}); compare the schema with the producer's"
            raise MessageFault("avro", reason) from error

    def _start(self, message: bytes) -> int:
        """Return where the datum begins."""
        if self._header == "registry":
            if message[:1] != b"\0" or len(message) < REGISTRY_BYTES:
                raise MessageFault("avro", "does not begin with the five bytes of a schema registry; see avroHeader")
            return REGISTRY_BYTES
        if self._header == "single_object":
            start = len(SINGLE_OBJECT) + len(self._fingerprint)
            if message[: len(SINGLE_OBJECT)] != SINGLE_OBJECT:
                raise MessageFault("avro", "is not in Avro's single-object encoding; see avroHeader")
            if message[len(SINGLE_OBJECT) : start] != self._fingerprint:
                raise MessageFault("avro", "was written with another schema than avroSchema: update it in the contract")
            return start
        return 0


def _plain(value: Any) -> Any:
    """Return a datum with values that JSON has; a number is a `Number`."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return Number(repr(value)) if math.isfinite(value) else str(value)
    if isinstance(value, Decimal):
        return Number(format(value, "f")) if value.is_finite() else str(value)
    if isinstance(value, int):
        return Number(value)
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return value.hex() if isinstance(value, bytes) else str(value)
