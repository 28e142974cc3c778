"""Fits HMA of SDV to `people.csv` and `events.csv` of a folder. Runs in an environment that has `sdv`.

SDV 2.0 refuses HMA for customers with orders with lines, since these are three levels. So an order is what a customer
buys in a day.
"""

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
    tables = {"people": people, "events": events[["customer", "time", "item", "value"]]}
    metadata = Metadata()
    for name, frame in tables.items():
        metadata.add_table(name)
        for column in frame:
            is_number = pd.api.types.is_numeric_dtype(frame[column])
            others: dict[object, str] = {"customer": "id", "time": "datetime"}
            metadata.add_column(column, name, sdtype=others.get(column, "numerical" if is_number else "categorical"))
    metadata.set_primary_key("customer", "people")
    metadata.add_relationship("people", "events", "customer", "customer")
    started = time.perf_counter()
    synthesizer = HMASynthesizer(metadata, verbose=False)
    synthesizer.fit(tables)
    seconds = time.perf_counter() - started
    made = synthesizer.sample_scale(1.0)
    made["people"].to_csv(folder / "people.made.csv", index=False)
    days = pd.to_datetime(made["events"].time).dt.strftime(" %Y-%m-%d")
    made["events"]["order"] = made["events"].customer.astype(str) + days
    made["events"].to_csv(folder / "events.made.csv", index=False)
    print(json.dumps({"fit": seconds}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
