"""Which sources are registers of people, and which of their columns describe a person, by contract.

A register of people is a source whose rows are persons: its subject key is a member or card number (a column with such
a token), and it holds a name or a birth date. A parcel or a support ticket is none: its subject key names the parcel,
and the name on it may be anybody's.
"""

from __future__ import annotations

from installation.contract.document import Column, Contract, Contracts
from pipelines.register.record import ANCHOR_KINDS

PURPOSE = "identity_resolution"
"""Columns that do not serve it are not read."""
_BY_TOKEN = {"name": "name", "phone": "phone", "email": "email", "account_no": "household"}
_BY_CATEGORY = {
    "pd:Name": "latin_name", "pd:BirthDate": "birth_date", "pd:Gender": "sex", "pd:TelephoneNumber": "phone",
    "pd:EmailAddress": "email", "pd:PhysicalAddress": "address", "pd:PostalCode": "postal_code",
    "pd:Location": "place", "pd:Region": "place", "pd:City": "place", "pd:Locality": "place",
}  # fmt: skip
_TELLING = ("name", "latin_name", "birth_date")


def person_registers(contracts: Contracts) -> tuple[Contract, ...]:
    """Return the sources whose rows are people, see the module."""
    return tuple(c for c in contracts.sources if key_column(c) is not None and {*part_columns(c)} & {*_TELLING})


def part_columns(contract: Contract) -> dict[str, Column]:
    """Return the columns that describe a person, by part; several places are numbered.

    The column with the token `name` is the name; another column of category pd:Name is the same name in Latin letters.
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


def key_column(contract: Contract) -> Column | None:
    """The subject key, where it is a person's own number and names a row."""
    for column in contract.columns:
        if column.name == contract.subject_key and column.primary_key and column.token in ANCHOR_KINDS:
            return column
    return None
