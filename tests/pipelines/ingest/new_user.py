"""Does what a new user does with an export: land it, draft its contract, state options in it, load, look."""

from __future__ import annotations

import datetime
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml
from deltalake import QueryBuilder

from installation.contract.document import Contract, load_contracts
from installation.lakehouse.lakehouse import Lakehouse
from installation.quality.quarantine_content import QUARANTINE
from pipelines.contracts.check import CheckResult, check_contracts
from pipelines.contracts.draft import draft
from pipelines.ingest.landing import unmatched_files
from pipelines.ingest.load_result import LoadResult
from pipelines.ingest.source_load import ingest_source
from privacy.protection.revealer import Revealer
from tests.protection import open_protection_in

CASES = Path(__file__).parent / "case"
NOW = datetime.datetime.fromisoformat("2018-01-01T12:00:00")
Document = dict[str, Any]


class NewUser:
    """One source from its file to its bronze table. `folder` is the user's data folder."""

    def __init__(self, folder: Path, case: str) -> None:
        self.folder = folder
        self.case = CASES / case
        self.landing = folder / "landing"
        self.contracts = folder / "contracts"
        self.contracts.mkdir(parents=True)
        self.lakehouse = Lakehouse(str(folder / "lakehouse"))
        self.protection = open_protection_in(folder / "secret")
        self.source = ""
        self.draft = ""

    def init(self, file: str, name: str | None = None) -> str:
        """Draft the contract of a file of the case, keep it, and return its text."""
        self.draft = draft(self.case / file, name)
        document = yaml.safe_load(self.draft)
        self.source = document["schema"][0]["name"]
        (self.contracts / f"source_{self.source}.odcs.yaml").write_text(self.draft, "utf-8")
        return self.draft

    def edit(self, change: Callable[[Document], None]) -> None:
        """Change the contract as a user does in an editor."""
        path = self.contracts / f"source_{self.source}.odcs.yaml"
        document = yaml.safe_load(path.read_text("utf-8"))
        change(document)
        path.write_text(json.dumps(document, ensure_ascii=False, indent=1), "utf-8")

    def state_file(self, *, encoding: str | None = None, **custom: Any) -> None:
        """State facts about the files in the contract."""

        def change(document: Document) -> None:
            server = document["servers"][0]
            if encoding:
                server["encoding"] = encoding
            _state(server, custom)

        self.edit(change)

    def state_column(self, name: str, physical: str | None = None, **facts: Any) -> None:
        """State facts about a column: its type, `options` (logicalTypeOptions), `required`, and Bojagi's properties."""

        def change(document: Document) -> None:
            column = next(one for one in document["schema"][0]["properties"] if one["name"] == name)
            if physical:
                column["physicalType"] = physical
                column["logicalType"] = _logical(physical)
                column.pop("logicalTypeOptions", None)
            for key in ("required", "enum"):
                if key in facts:
                    column[key] = facts.pop(key)
            if "options" in facts:
                column["logicalTypeOptions"] = facts.pop("options")
            _state(column, facts)

        self.edit(change)

    def unmatched(self) -> list[str]:
        """Return the landed files that no contract matches."""
        return [str(file) for file in unmatched_files(self.landing, load_contracts([self.contracts]).sources)]

    def check(self) -> CheckResult:
        """Return the result of `contracts check`."""
        return check_contracts([self.contracts])

    @property
    def contract(self) -> Contract:
        """The contract as it stands."""
        return load_contracts([self.contracts]).source(self.source)

    def land(self, *files: str) -> None:
        """Copy files of the case into the landing folder of the source."""
        folder = self.landing / self.source
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            shutil.copy(self.case / file, folder / Path(file).name)

    def load(self) -> LoadResult:
        """Load the landed files."""
        return ingest_source(self.contract, self.lakehouse, self.landing, self.protection, lambda: NOW)

    def bronze(self) -> pa.Table:
        """Return the bronze table in clear text, by file and line."""
        order = "SELECT * FROM t ORDER BY _source_file, _line"
        delta = self.lakehouse.delta(self.contract.table)
        table = pa.table(QueryBuilder().register("t", delta).execute(order).read_all())
        return Revealer(self.protection, "quality_assurance", lambda *_: None)(self.contract, table)

    def rows(self, *columns: str) -> list[tuple[Any, ...]]:
        """Return columns of the bronze table in clear text; empty when there is no table."""
        if not self.lakehouse.exists(self.contract.table):
            return []
        table = self.bronze()
        return [tuple(row[column] for column in columns) for row in table.to_pylist()]

    def column(self, name: str) -> list[Any]:
        """Return one column of the bronze table."""
        return [row[0] for row in self.rows(name)]

    def quarantine(self, *columns: str) -> list[tuple[Any, ...]]:
        """Return columns of the quarantine entries, by file and line."""
        if not self.lakehouse.exists(QUARANTINE):
            return []
        table = self.lakehouse.select(QUARANTINE)
        rows = sorted(table.to_pylist(), key=lambda row: (row["file"], row["line"] or 0))
        return [tuple(row[column] for column in columns or ("line", "column", "rule")) for row in rows]

    def reasons(self) -> list[str]:
        """Return the reasons of the quarantine entries, by file and line."""
        return [reason for (reason,) in self.quarantine("reason")]


def _state(place: Document, custom: dict[str, Any]) -> None:
    """Set Bojagi's properties at a place of a contract; None removes one."""
    kept = [entry for entry in place.get("customProperties", []) if entry["property"] not in custom]
    kept += [
        {"property": key, "value": value, "vendor": "bojagi"} for key, value in custom.items() if value is not None
    ]
    place["customProperties"] = kept


def _logical(physical: str) -> str:
    if physical.startswith("decimal"):
        return "number"
    return {
        "string": "string",
        "bigint": "integer",
        "int": "integer",
        "double": "number",
        "date": "date",
        "timestamp_ntz": "timestamp",
        "boolean": "boolean",
    }[physical]


def words_in(text: str, words: Sequence[str]) -> bool:
    """Return whether the text contains one of the words, in any case."""
    return any(word.lower() in text.lower() for word in words)
