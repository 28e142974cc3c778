"""Reads from the contracts which sources are registers of people and which of their columns describe a person.

A register of people is a source whose rows are persons: its subject key is a member or card number (a column with such
a token), and it has a name or a birth date. A source of parcels or support tickets is not a register: its subject key
identifies the parcel, and the name on it may be another person's.
"""

from __future__ import annotations

from installation.contract.document import Column, Contract, Contracts
from pipelines.register.record import ANCHOR_KINDS

PURPOSE = "identity_resolution"
"""Purpose of the matching; columns whose contract does not allow it are not read."""
_BY_TOKEN = {"name": "name", "phone": "phone", "email": "email", "account_no": "household"}
_BY_CATEGORY = {
    "pd:Name": "latin_name", "pd:BirthDate": "birth_date", "pd:Gender": "sex", "pd:TelephoneNumber": "phone",
    "pd:EmailAddress": "email", "pd:PhysicalAddress": "address", "pd:PostalCode": "postal_code",
    "pd:Location": "place", "pd:Region": "place", "pd:City": "place", "pd:Locality": "place",
}  # fmt: skip
_IDENTIFYING = ("name", "latin_name", "birth_date")


def register_contracts(contracts: Contracts) -> tuple[Contract, ...]:
    """Return the contracts of all registers of people."""
    return tuple(c for c in contracts.sources if key_column(c) is not None and {*part_columns(c)} & {*_IDENTIFYING})


def part_columns(contract: Contract) -> dict[str, Column]:
    """Return the columns that describe a person, by part; columns of the part `place` are numbered (`place_0` …).

    The column with the token `name` is the part `name`. A column of the category pd:Name without a token is the part
    `latin_name`.
    """
    found: dict[str, Column] = {}
    places = 0
    for column in contract.columns:
        part = _BY_TOKEN.get(column.token) if column.token else _BY_CATEGORY.get(column.category)
        if part is None or PURPOSE not in column.purposes:
            continue
        if part == "place":
            part, places = f"place_{places}", places + 1
        found.setdefault(part, column)
    return found


def shown_columns(contracts: Contracts) -> dict[str, str]:
    """Return the name of each part as people know it: the names of its columns in all registers."""
    found: dict[str, list[str]] = {}
    for contract in register_contracts(contracts):
        for part, column in part_columns(contract).items():
            found.setdefault(part, []).append(column.name)
    return {part: " / ".join(dict.fromkeys(names)) for part, names in found.items()}


def key_column(contract: Contract) -> Column | None:
    """Return the subject key if it is the primary key and a person's own number (see ANCHOR_KINDS); otherwise None."""
    for column in contract.columns:
        if column.name == contract.subject_key and column.primary_key and column.token in ANCHOR_KINDS:
            return column
    return None
