"""Writes the tables of the Complete Journey to the landing folder.

The first replica gets the files of the package unchanged. In the others, an offset is added to the ids.
"""

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.simulate.market import Market, package_file
from pipelines.simulate.world import ACCOUNT_OFFSET, BASKET_OFFSET, STORE_OFFSET

_OFFSETS = {"household_id": ACCOUNT_OFFSET, "store_id": STORE_OFFSET, "basket_id": BASKET_OFFSET}
_SHARED = ("products", "campaign_descriptions", "coupons")
_OWN = ("transactions", "demographics", "campaigns", "coupon_redemptions", "promotions")
_ROWS_AT_ONCE = 1_000_000  # about 60 MB of Arrow memory
_PROMOTIONS_PER_HOUSEHOLD = 500  # rows of promotions in a market that is limited to a few households


def land_journey(root: Path, market: Market, replica: int, is_cut: bool) -> dict[str, int]:
    """Write the tables to <root>/cj_<table>/, and return the number of rows of each file.

    Tables that all replicas share are written with replica 0 only. With `is_cut`, tables with households keep only
    those of `market`, and promotions are limited in proportion.
    """
    rows = {}
    for name in (*_OWN, *(_SHARED if replica == 0 else ())):
        source, target = package_file(name), root / f"cj_{name}" / f"{name}-{replica:03d}.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        if name in _SHARED or (replica == 0 and not is_cut):
            shutil.copyfile(source, target)
        else:
            _rewrite(source, target, replica, market if is_cut else None)
        rows[f"landing/cj_{name}/{target.name}"] = pq.read_metadata(target).num_rows
    return rows


def _rewrite(source: Path, target: Path, replica: int, cut: Market | None) -> None:
    """Copy a table in batches, to bound the memory. Text is kept dictionary-encoded, which halves the time."""
    texts = [field.name for field in pq.read_schema(source) if field.type == pa.string()]
    file = pq.ParquetFile(source, read_dictionary=texts)
    is_promotion = "mailer_location" in file.schema_arrow.names
    limit = None if cut is None or not is_promotion else _PROMOTIONS_PER_HOUSEHOLD * len(cut.household_id)
    with pq.ParquetWriter(target, file.schema_arrow, compression="snappy", store_schema=False) as writer:
        for batch in file.iter_batches(batch_size=min(limit or _ROWS_AT_ONCE, _ROWS_AT_ONCE)):
            writer.write_table(_move(_cut(pa.Table.from_batches([batch]), cut), replica))
            if limit is not None:
                break


def _cut(table: pa.Table, cut: Market | None) -> pa.Table:
    if cut is None or "household_id" not in table.column_names:
        return table
    return table.filter(pc.is_in(table["household_id"], value_set=pa.array(cut.household_id)))


def _move(table: pa.Table, replica: int) -> pa.Table:
    for name, offset in _OFFSETS.items():
        if name in table.column_names:
            place = table.column_names.index(name)
            table = table.set_column(place, table.schema.field(name), pc.add(table[name], offset * replica))
    return table
