"""Fits HMA of SDV to `people.csv` and `events.csv` of a folder. Runs in an environment that has `sdv`."""

import json
import sys
import time
import warnings
from pathlib import Path

import pandas as pd

warnings.simplefilter("ignore")


def main(folder: Path) -> None:
    """Write the sampled tables beside the real ones, and print the seconds of the fit."""
    from sdv.metadata import Metadata
    from sdv.multi_table import HMASynthesizer

    people = pd.read_csv(folder / "people.csv", dtype={"customer": str})
    events = pd.read_csv(folder / "events.csv", dtype={"customer": str, "order": str}, parse_dates=["time"])
    orders = events[["customer", "order", "time"]].drop_duplicates("order")
    tables = {"people": people, "orders": orders, "lines": events[["order", "item", "value"]]}
    metadata = Metadata()
    for name, frame in tables.items():
        metadata.add_table(name)
        for column in frame:
            is_key, is_number = column in ("customer", "order"), pd.api.types.is_numeric_dtype(frame[column])
            kind = "id" if is_key else "datetime" if column == "time" else "numerical" if is_number else "categorical"
            metadata.add_column(column, name, sdtype=kind)
    metadata.set_primary_key("customer", "people")
    metadata.set_primary_key("order", "orders")
    metadata.add_relationship("people", "orders", "customer", "customer")
    metadata.add_relationship("orders", "lines", "order", "order")
    started = time.perf_counter()
    synthesizer = HMASynthesizer(metadata, verbose=False)
    synthesizer.fit(tables)
    seconds = time.perf_counter() - started
    made = synthesizer.sample(scale=1.0)
    made["people"].to_csv(folder / "people.made.csv", index=False)
    made["lines"].merge(made["orders"], on="order").to_csv(folder / "events.made.csv", index=False)
    print(json.dumps({"fit": seconds}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
