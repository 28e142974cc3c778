"""Avro messages are read as they were meant, and what was written with another schema is refused."""

from __future__ import annotations

import datetime
import io
import json
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.ingest.fault import FileFaultError
from privacy.contract.document import AvroHeader, KafkaTopic
from tests.pipelines.ingest.kafka.conftest import TopicShop

fastavro = pytest.importorskip("fastavro")
from pipelines.ingest.kafka.avro_message import AvroReader, MessageFault  # noqa: E402

SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "sale",
    "fields": [
        {"name": "sale_id", "type": "string"},
        {"name": "phone", "type": ["null", "string"]},
        {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}},
        {"name": "sold_at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    ],
}
AT = datetime.datetime(2017, 3, 1, 10, tzinfo=datetime.UTC)


def written(datum: Any, schema: Any = SCHEMA) -> bytes:
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, fastavro.parse_schema(schema), datum)
    return stream.getvalue()


def sale(number: int, amount: str = "1.50") -> dict[str, Any]:
    return {"sale_id": f"s{number}", "phone": None, "amount": Decimal(amount), "sold_at": AT}


def reader(schema: Any = SCHEMA, header: AvroHeader = "none") -> AvroReader:
    return AvroReader(KafkaTopic("bus", "a:1", "sale", schema, header))


def crc_64(text: bytes) -> bytes:
    """The fingerprint of Avro's specification, in its words."""
    empty = 0xC15D213AA4D7A795
    table = []
    for number in range(256):
        value = number
        for _ in range(8):
            value = (value >> 1) ^ (empty & -(value & 1))
        table.append(value)
    found = empty
    for byte in text:
        found = (found >> 8) ^ table[(found ^ byte) & 0xFF]
    return found.to_bytes(8, "little")


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("long", 2**62, str(2**62)),
        ("double", 0.1, "0.1"),
        ("double", float("nan"), '"nan"'),
        ("bytes", b"\x00\xff", '"00ff"'),
        ("boolean", True, "true"),
        ({"type": "int", "logicalType": "date"}, datetime.date(2017, 3, 1), '"2017-03-01"'),
        ({"type": "long", "logicalType": "timestamp-micros"}, AT, '"2017-03-01T10:00:00+00:00"'),
        ({"type": "long", "logicalType": "local-timestamp-millis"}, AT.replace(tzinfo=None), '"2017-03-01T10:00:00"'),
        ({"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 3}, Decimal("1.500"), "1.500"),
        ({"type": "array", "items": "int"}, [1, 2], "[1, 2]"),
        ({"type": "map", "values": ["null", "string"]}, {"가": None}, '{"가": null}'),
        ({"type": "enum", "name": "size", "symbols": ["S", "M"]}, "M", '"M"'),
    ],
)
def test_each_type_becomes_the_text_that_a_file_would_have(kind: Any, value: Any, text: str) -> None:
    schema = {"type": "record", "name": "one", "fields": [{"name": "it", "type": kind}]}
    assert reader(schema).text(written({"it": value}, schema)) == f'{{"it": {text}}}'


def test_headers_are_read_as_the_contract_states() -> None:
    datum = written(sale(1))
    parsed = fastavro.schema.to_parsing_canonical_form(SCHEMA)
    single = b"\xc3\x01" + crc_64(parsed.encode()) + datum
    assert json.loads(reader(header="single_object").text(single))["sale_id"] == "s1"
    assert json.loads(reader(header="registry").text(b"\0\0\0\0\x07" + datum))["sale_id"] == "s1"
    for header, message in [("single_object", b"\xc3\x01" + bytes(8) + datum), ("single_object", datum),
                            ("registry", datum), ("registry", b"\0\0"), ("none", single)]:  # fmt: skip
        with pytest.raises(MessageFault):
            reader(header=header).text(message)  # type: ignore[arg-type]


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_read_or_refused(message: bytes) -> None:
    with suppress(MessageFault):
        assert isinstance(json.loads(reader().text(message)), dict)


def test_a_wrong_schema_refuses_the_topic() -> None:
    with pytest.raises(FileFaultError, match="avroSchema"):
        reader({"type": "record", "name": "sale", "fields": [{"name": "a", "type": "no such"}]})


def test_avro_messages_are_loaded_and_foreign_ones_quarantined_until_the_schema_is_right(topic: TopicShop) -> None:
    topic.format, topic.custom = "avro", {"avroSchema": SCHEMA}
    newer = {**SCHEMA, "fields": [*SCHEMA["fields"], {"name": "store", "type": "string"}]}
    topic.send(written(sale(1, "12345678.90")), b"\xff\x00", written({**sale(2), "store": "서울"}, newer))
    topic.load()
    assert topic.shop.rows(("sale_id", "amount")) == [("s1", Decimal("12345678.90"))]
    assert topic.shop.quarantine() == [(1, None, "avro"), (2, None, "avro")]
    topic.custom = {"avroSchema": newer}
    assert topic.replay().rows_added == 1
    assert topic.shop.ids() == ["s1", "s2"]
