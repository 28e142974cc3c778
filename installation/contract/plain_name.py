"""Plain names of tables, columns, purposes and periods in English and Korean, for answers to data subjects.

They are read from the `*.wording.yaml` files of the contract folders; a later folder overrides an earlier one. A table
or column without an entry gets a name made of its own, so a contract of your own needs no file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from privacy.consent.policy import built_in_policy
from privacy.contract.collection import WORDING_PATTERN
from privacy.contract.document import Document
from privacy.contract.fault import ContractError, Fault
from privacy.rights.wording import Wording

_KINDS = ("purposes", "recipients", "retention", "tables", "columns")
_ABBREVIATIONS = {"id": "number", "no": "number", "at": "time", "on": "date", "km": "(km)", "kg": "(kg)", "os": "OS"}
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class PlainNames:
    """Finds the plain name of an object of the contracts. Each mapping is one part of the wording files."""

    purposes: Mapping[str, str] = field(default_factory=dict)
    recipients: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    retention: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, Mapping[str, Mapping[str, str]]] = field(default_factory=dict)
    columns: Mapping[str, str | Mapping[str, str]] = field(default_factory=dict)

    def table(self, contract: Document) -> Wording:
        """Return the title of a table."""
        named = self.tables.get(contract.table, {}).get("title")
        return Wording(**named) if named else Wording(readable(contract.name), readable(contract.name))

    def titles(self, table: str) -> tuple[Wording, Wording]:
        """Return title and source of a table without a contract, which has an entry in a wording file."""
        named = self.tables[table]
        return Wording(**named["title"]), Wording(**named["source"])

    def place(self, contract: Document) -> int:
        """Return the place of a table in an answer; tables without an entry come last."""
        order = list(self.tables)
        return order.index(contract.table) if contract.table in self.tables else len(order)

    def source(self, contract: Document) -> Wording:
        """Return where the rows of a table come from."""
        named = self.tables.get(contract.table, {}).get("source")
        if named:
            return Wording(**named)
        if contract.layer == "source":
            return Wording(f"Source: {readable(contract.name)}", f"원천: {readable(contract.name)}")
        return Wording("Computed from your data", "고객님의 데이터로 산출")

    def column(self, contract: Document, name: str) -> Wording:
        """Return the name of a column. A header in Korean serves as the Korean name where no file has one."""
        english, named = readable(name), self.columns.get(f"{contract.name}.{name}") or self.columns.get(name)
        if isinstance(named, Mapping):
            return Wording(**named)
        header = next((column.header for column in contract.columns if column.name == name), name)
        return Wording(english, named or (english if header.isascii() else header))

    def purpose(self, name: str) -> Wording:
        """Return what a purpose of the taxonomy means."""
        english = built_in_policy().taxonomy[name].meaning
        return Wording(english, self.purposes.get(name, english))

    def recipient(self, role: str) -> Wording:
        """Return the people or systems that a role stands for."""
        named = self.recipients.get(role)
        return Wording(**named) if named else Wording(readable(role), readable(role))

    def kept(self, contract: Document) -> Wording:
        """Return how long the rows of a table are kept, counted from when, and why."""
        basis = " ".join(contract.retention_basis.split())
        if contract.retention_days is None:
            return Wording(basis or "No period is set", self.retention.get(basis, basis) or "정해진 기간 없음")
        english, korean = _period(contract.retention_days)
        counted = contract.retention_column
        since = Wording("", "")
        if counted is not None:
            name = self.column(contract, counted)
            since = Wording(f", counted from: {name.en.lower()}", f" ({name.ko} 기준)")
        because = Wording(f". {basis}" if basis else "", f". {self.retention.get(basis, basis)}" if basis else "")
        return Wording(f"{english}{since.en}{because.en}", f"{korean}{since.ko}{because.ko}")


def read_plain_names(folders: Iterable[Path]) -> PlainNames:
    """Return the plain names of the contract folders.

    Raises:
        ContractError: a file is not YAML, or has another part than those that the built-in file lists.
    """
    merged: dict[str, dict[str, Any]] = {kind: {} for kind in _KINDS}
    for path in (path for folder in folders for path in sorted(folder.glob(WORDING_PATTERN))):
        try:
            content = yaml.load(path.read_text("utf-8"), _Loader)
        except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
            raise ContractError(
                [Fault(path, 1, "Not readable as YAML", type(error).__name__, "plain names")]
            ) from error
        if not isinstance(content, dict) or not all(isinstance(content.get(k, {}), dict) for k in _KINDS):
            raise ContractError([Fault(path, 1, "Not a file of plain names", "", f"mappings {', '.join(_KINDS)}")])
        for kind in content:
            if kind not in _KINDS:
                raise ContractError(
                    [Fault(path, 1, f"Unknown part {kind!r}", str(kind), f"one of {', '.join(_KINDS)}")]
                )
            merged[kind] |= content[kind]
    return PlainNames(**merged)


def readable(name: str) -> str:
    """Return a name as words.

    >>> readable("order_count"), readable("sales_value_90d"), readable("is_principal")
    ('Order count', 'Sales value 90 days', 'Is principal')
    """
    words = [_ABBREVIATIONS.get(word, word) for word in name.split("_")]
    words = [f"{word[:-1]} days" if word[:-1].isdigit() and word.endswith("d") else word for word in words]
    text = " ".join(words)
    return text[:1].upper() + text[1:]


def _period(days: int) -> tuple[str, str]:
    """Return a period in years where it is whole years, leap days aside; else in days."""
    years, rest = divmod(days, 365.25)
    if years >= 1 and rest <= 1.5:
        count = int(years)
        return f"{count} year{'s' if count > 1 else ''}", f"{count}년"
    return f"{days} days", f"{days}일"
