"""Lists the data that is stored about a person, and why: tables with the number of rows, without any value.

Rows are counted by the person's customer ids, and in sources by the matching keys that lead to the person alone.
Nothing is decrypted. The exact answer, with values, is a request for access.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from installation.contract.document import Contract
from installation.contract.plain_name import PlainNames
from installation.installation import Installation
from privacy.contract.vocabulary import load_vocabulary
from privacy.rights.wording import Wording

_CUSTOMER = "customer_id"
_SHARED_KEYS = frozenset({"phone", "device_id", "account_no"})
"""Keys that people of one household share: rows with them may be another person's."""


@dataclass(frozen=True)
class HeldUse:
    """One use of a table: its purpose, and the basis on which it rests."""

    purpose: str
    meaning: Wording
    basis: str


@dataclass(frozen=True)
class HeldTable:
    """A table with rows about a person. `fields` are the plain names of what it holds."""

    name: str
    title: Wording
    rows: int
    fields: tuple[Wording, ...]
    uses: tuple[HeldUse, ...]
    source: Wording
    retention: Wording
    recipients: tuple[Wording, ...]
    is_provided: bool


def stored_tables(installation: Installation, names: PlainNames, customer_ids: Sequence[str]) -> list[HeldTable]:
    """Return the tables that have rows about a person, those that the person provided first.

    Raises:
        LakehouseError: a table cannot be read.
    """
    tokens = _tokens(installation, customer_ids)
    found = []
    for contract in installation.contracts.values():
        where = _condition(contract, customer_ids, tokens)
        if where is None or not installation.lakehouse.exists(contract.table):
            continue
        rows = int(installation.lakehouse.select(contract.table, "count(*) AS found", where)["found"][0].as_py())
        if rows:
            found.append(_described(contract, names, rows))
    return sorted(found, key=lambda table: (not table.is_provided, table.name))


def _tokens(installation: Installation, customer_ids: Iterable[str]) -> dict[str, list[str]]:
    """Return the person's own matching keys by kind."""
    if not installation.lakehouse.exists("silver/identifier"):
        return {}
    where = f"{_CUSTOMER} IN {_listed(customer_ids)}"
    rows = installation.lakehouse.select("silver/identifier", "token_kind, token", where).to_pylist()
    found: dict[str, list[str]] = {}
    for row in rows:
        if row["token_kind"] not in _SHARED_KEYS:
            found.setdefault(row["token_kind"], []).append(row["token"])
    return found


def _condition(contract: Contract, customer_ids: Iterable[str], tokens: dict[str, list[str]]) -> str | None:
    """Return the SQL condition of the person's rows in a table; None where no column leads to the person."""
    if contract.layer != "source":
        return f'"{_CUSTOMER}" IN {_listed(customer_ids)}' if contract.subject_key == _CUSTOMER else None
    parts = [
        f'"{column.token_name}" IN {_listed(tokens[column.token])}'
        for column in contract.columns
        if column.token_name and column.token in tokens
    ]
    return " OR ".join(parts) or None


def _described(contract: Contract, names: PlainNames, rows: int) -> HeldTable:
    vocabulary = load_vocabulary()
    bases = {p: contract.legal_bases.get(p) or vocabulary.basis_of(p) for c in contract.columns for p in c.purposes}
    return HeldTable(
        name=contract.table,
        title=names.table(contract),
        rows=rows,
        fields=tuple(names.column(contract, c.name) for c in contract.columns if vocabulary.is_personal(c.category)),
        uses=tuple(HeldUse(purpose, names.purpose(purpose), basis) for purpose, basis in bases.items()),
        source=names.source(contract),
        retention=names.kept(contract),
        recipients=tuple(names.recipient(recipient.role) for recipient in contract.recipients),
        is_provided=contract.layer == "source",
    )


def _listed(values: Iterable[str]) -> str:
    # Customer ids and tokens are opaque; a quote would be doubled all the same.
    return "(" + ", ".join("'" + value.replace("'", "''") + "'" for value in values) + ")"
