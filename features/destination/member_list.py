"""The lists that an export writes: one row a member, in the form that the receiver wants.

Google Customer Match takes CSV with the columns Email and Phone, Meta Custom Audiences with email and phone. Both want
the SHA-256 of the normal form in small hexadecimal digits: an e-mail address without spaces and in lower case, and a
phone number in E.164, which Meta wants without the plus sign.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from installation.destination_settings import FileFormat, Identifier
from privacy.storage.atomic_file import create_private_folder, private_draft

HEADS: Mapping[Identifier, Sequence[str]] = {
    Identifier.CUSTOMER_ID: ("customer_id",),
    Identifier.GOOGLE: ("Email", "Phone"),
    Identifier.META: ("email", "phone"),
}
KINDS = ("email", "phone")
"""Kinds of contacts, in the order of the columns."""


def hashed(identifier: Identifier, kind: str, value: str) -> str:
    """Return the hash of a contact in its normal form.

    >>> hashed(Identifier.GOOGLE, "email", "kim@example.com")[:12]
    'a85a3d3e4b5b'
    """
    plain = value.removeprefix("+") if identifier is Identifier.META and kind == "phone" else value
    return sha256(plain.encode()).hexdigest()


def write_list(path: Path, form: FileFormat, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Replace a list. Only the user of the process can read it; a reader sees the old or the new one."""
    create_private_folder(path.parent)
    with private_draft(path) as draft:
        if form is FileFormat.PARQUET:
            columns = [pa.array([row[n] or None for row in rows], pa.string()) for n in range(len(heads))]
            pq.write_table(pa.table(columns, names=list(heads)), draft)
            return
        with draft.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([heads, *rows])
