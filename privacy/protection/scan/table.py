"""Searches Parquet and Arrow: every value of every column, also nested ones, and every stored dictionary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc
import pyarrow.parquet as pq

from privacy.protection.scan.content import ContentScan

if TYPE_CHECKING:
    from collections.abc import Iterator

_BATCH_ROWS = 1 << 18


def scan_parquet(source: Any, scan: ContentScan, where: str, level: int) -> None:
    """Search a Parquet file: its decoded pages, its dictionaries (also entries without a row), and its metadata.

    `source`: a path or an Arrow file.
    """
    with pq.ParquetFile(source) as probe:
        schema = probe.schema_arrow
    texts = [field.name for field in schema if pa.types.is_string(field.type) or pa.types.is_binary(field.type)]
    if isinstance(source, pa.NativeFile):
        source.seek(0)
    with pq.ParquetFile(source, read_dictionary=texts) as file:
        for key, value in (file.metadata.metadata or {}).items():
            scan.scan_bytes(key + b"\x01" + value, f"{where} metadata", level)
        for batch in file.iter_batches(_BATCH_ROWS):
            scan_batch(batch, scan, where, level)


def scan_arrow(source: Any, scan: ContentScan, where: str, level: int) -> None:
    """Search an Arrow file; `source` is a path or an Arrow file."""
    reader = pa.ipc.open_file(source)
    for number in range(reader.num_record_batches):
        scan_batch(reader.get_batch(number), scan, where, level)


def scan_batch(batch: pa.RecordBatch, scan: ContentScan, where: str, level: int) -> None:
    """Search every column of a batch of rows."""
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        for part, values in _leaves(column, name):
            _scan_values(values, scan, f"{where} column {part}", level)


def _scan_values(values: pa.Array, scan: ContentScan, where: str, level: int) -> None:
    kind = values.type
    if pa.types.is_integer(kind):
        scan.add(scan.matcher.in_numbers(values), where)
    elif pa.types.is_decimal(kind) or pa.types.is_floating(kind):
        whole = values.filter(pc.equal(values, pc.round(values)))
        scan.add(scan.matcher.in_numbers(pc.cast(whole, pa.int64(), safe=False)), where)
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        distinct = values.unique().drop_null().to_pylist()
        joined = "\x01".join(distinct)
        scan.add(scan.matcher.in_bytes(joined.encode()), where)
        scan.scan_text(joined, where, level)
    elif pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        distinct = values.unique().drop_null().to_pylist()
        scan.add(scan.matcher.in_bytes(b"\x01".join(distinct)), where)
        for value in distinct:
            scan.unpack(value, where, level)


def _leaves(values: pa.Array, name: str) -> Iterator[tuple[str, pa.Array]]:
    kind = values.type
    if isinstance(values, pa.ExtensionArray):
        yield from _leaves(values.storage, name)
    elif pa.types.is_dictionary(kind):
        # The whole dictionary: also entries that no row refers to.
        yield from _leaves(values.dictionary, name)
    elif pa.types.is_struct(kind):
        for position in range(kind.num_fields):
            yield from _leaves(values.field(position), f"{name}.{kind.field(position).name}")
    elif pa.types.is_map(kind):
        yield from _leaves(values.keys, f"{name}.key")
        yield from _leaves(values.items, f"{name}.value")
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        yield from _leaves(values.values, name)
    else:
        yield name, values
