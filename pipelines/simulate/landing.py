"""Writes the records of each source to files, and records the file and line of each planted fault."""

from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.simulate.file_writer import write_csv, write_json_lines, write_parquet
from pipelines.simulate.random_stream import Ints
from pipelines.simulate.records import Records
from pipelines.simulate.source_format import FORMATS

# The app's release of July 2017 renamed one field and added another, without notice to the pipeline.
DRIFT_MONTH = "2017-07"
DRIFT_RENAME = ("screen", "screen_name")
DRIFT_NEW = ("app_build", 50017)


class Landing:
    """Writes the records of one replica to <root>/<source>/.

    `rows` collects the number of rows of each file, `dirt` the places of the planted faults.
    """

    def __init__(self, root: Path, replica: int) -> None:
        self._root = root
        self._replica = replica
        self.rows: dict[str, int] = {}
        self.dirt: list[pd.DataFrame] = []

    def write(self, records: Records) -> None:
        """Write the records to one file, or to one file for each month of receipt."""
        if not FORMATS[records.source].is_monthly:
            self._write(records, records.frame, f"{records.source}-{self._replica:03d}")
            return
        months = records.frame[records.received].to_numpy().astype("datetime64[M]")
        months = np.clip(months, np.datetime64("2017-01"), np.datetime64("2017-12"))
        for month in np.unique(months):
            part = records.frame.iloc[np.flatnonzero(months == month)]
            self._write(records, part, f"{records.source}-{month}-{self._replica:03d}", str(month))

    def _write(self, records: Records, frame: pd.DataFrame, name: str, month: str = "") -> None:
        source_format = FORMATS[records.source]
        path = self._root / records.source / f"{name}.{source_format.extension}"
        path.parent.mkdir(parents=True, exist_ok=True)
        part = Records(records.source, frame, records.key, overrides=records.overrides, marks=records.marks)
        if source_format.extension == "csv":
            lines = write_csv(path, part, source_format.csv)
        elif source_format.extension == "jsonl":
            lines = write_json_lines(path, part)
        else:
            lines = write_parquet(
                path, _drift(part) if records.source == "app_event" and month == DRIFT_MONTH else part
            )
        self.rows[f"landing/{records.source}/{path.name}"] = len(frame)
        self._locate(part, path.name, lines)
        if records.source == "app_event" and month == DRIFT_MONTH:
            self.dirt.append(_drift_mark(path.name))

    def _locate(self, records: Records, file: str, lines: Ints) -> None:
        """Add to `dirt` the row and line in the file of each fault that the records carry."""
        if not records.marks:
            return
        marks = pd.DataFrame(records.marks, columns=["kind", "index", "column", "breaks_contract"])
        place = records.frame.index.get_indexer(pd.Index(marks["index"]))
        here = np.flatnonzero(place >= 0)
        found = marks.iloc[here].drop(columns="index")
        found.insert(0, "source", records.source)
        found.insert(1, "file", file)
        found.insert(2, "row", place[here] + 1)
        found.insert(3, "line", lines[place[here]])
        found.insert(4, "key", records.frame[records.key].iloc[place[here]].astype(str).to_numpy(object))
        self.dirt.append(found)


def _drift(records: Records) -> Records:
    """Return the records with the changed fields that the app sends from its release of July 2017 on."""
    frame = records.frame.rename(columns=dict([DRIFT_RENAME]))
    frame[DRIFT_NEW[0]] = np.int64(DRIFT_NEW[1])
    return Records(records.source, frame, records.key, overrides=records.overrides, marks=records.marks)


def _drift_mark(file: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "source": "app_event",
            "file": file,
            "row": 0,
            "line": 0,
            "key": "",
            "kind": "schema_drift",
            "column": [DRIFT_RENAME[1], DRIFT_NEW[0]],
            "breaks_contract": False,
        }
    )
