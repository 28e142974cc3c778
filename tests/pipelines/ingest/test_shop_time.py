"""The package's UTC becomes the wall time of its shops at ingest, by the zones that its contract states."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from installation.contract.document import load_contracts
from installation.lakehouse.lakehouse import Lakehouse
from pipelines.ingest.load_option import LoadOptions
from pipelines.ingest.source_load import ingest_source
from pipelines.simulate.market import package_file
from tests.pipelines.ingest.shop import NOW
from tests.protection import open_protection_in


def test_the_first_and_the_last_orders_of_the_package_lie_in_2017(tmp_path: Path) -> None:
    lines = pq.read_table(package_file("transactions"))
    at = lines["transaction_timestamp"]
    ends = lines.filter(pc.or_(pc.less(at, datetime(2017, 1, 1, 13)), pc.greater(at, datetime(2017, 12, 31, 23))))
    (tmp_path / "cj_transactions").mkdir()
    pq.write_table(ends, tmp_path / "cj_transactions" / "transactions-000.parquet")
    lakehouse, contract = Lakehouse(str(tmp_path / "lakehouse")), load_contracts().source("cj_transactions")
    options = LoadOptions(reference_date=date(2017, 12, 31))
    result = ingest_source(contract, lakehouse, tmp_path, open_protection_in(tmp_path / "secret"), lambda: NOW, options)
    assert (result.rows_added, result.rows_quarantined) == (ends.num_rows, 0)
    found = lakehouse.delta(contract.table).to_pyarrow_table(columns=["transaction_timestamp"])
    times = found["transaction_timestamp"].to_pylist()
    assert (min(times), max(times)) == (datetime(2017, 1, 1, 6, 53, 26), datetime(2017, 12, 31, 23, 1, 20))
