"""Drafts a contract from a table of a database: from a sample of its rows, its key and its types.

The sample is written as a CSV file into a private temporary folder, drafted like any file, and deleted. Values reach
the draft only as far as those of a file do.
"""

from __future__ import annotations

import csv
import re
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pyarrow as pa

from installation.source_credential import SourceCredential
from pipelines.contracts.contract_draft import Draft
from pipelines.contracts.draft import draft_contract
from pipelines.contracts.draft_yaml import render_draft
from pipelines.contracts.file_sample import DraftError
from pipelines.ingest.database.connection import Database
from pipelines.ingest.database.connector import open_database
from pipelines.ingest.fault import FileFaultError
from pipelines.ingest.load_option import LoadOptions
from privacy.contract.document import DatabaseTable
from privacy.contract.server_reader import PORTS

SAMPLE_ROWS = 20_000
_KINDS = {"postgresql": "postgresql", "postgres": "postgresql", "mysql": "mysql", "mariadb": "mysql"}
_CHANGE_WORDS = re.compile(r"(^|_)(updated|changed|modified)(_|$)|(^|_)last_(update|change)")


def read_address(address: str, table: str | None, server: str | None) -> tuple[DatabaseTable, str]:
    """Return the table that an address such as postgresql://reader@host:5432/shop names, and its user.

    Args:
        address: the address of the database, without a password.
        table: `table`, or `schema.table`.
        server: name of the server in the contract and in source_credentials; None takes the database's name.

    Raises:
        DraftError: the address or table is incomplete, or the address contains a password.
    """
    parts = urlsplit(address)
    kind, database = _KINDS.get(parts.scheme), unquote(parts.path.strip("/"))
    if parts.password is not None:
        raise DraftError("The address contains a password, which others could see; put it into source_credentials.")
    try:
        port = parts.port
    except ValueError:
        port = 0
    if kind is None or not parts.hostname or not database or "/" in database or port == 0 or not table:
        raise DraftError(
            "The table is not fully named; expected an address such as postgresql://reader@db.example:5432/shop or "
            "mysql://reader@db.example/shop, and --table sales.sale_line."
        )
    schema, _, name = table.rpartition(".") if kind == "postgresql" else ("", "", table)
    origin = DatabaseTable(
        server=server or database,
        kind=kind,  # type: ignore[arg-type]
        host=parts.hostname,
        port=port or PORTS[kind],
        database=database,
        schema=(schema or "public") if kind == "postgresql" else None,
        table=name,
    )
    return origin, unquote(parts.username or "")


def draft_table(
    origin: DatabaseTable, credential: SourceCredential, name: str | None, options: LoadOptions
) -> tuple[Draft, str]:
    """Return the draft of a table's contract, and its text.

    Raises:
        DraftError: the table cannot be read, or is empty.
    """
    try:
        with open_database(origin, credential) as database, tempfile.TemporaryDirectory() as folder:
            kinds = database.fields()
            if not kinds:
                raise DraftError(f"There is no table {origin.name} that the user {credential.user} may see.")
            key = database.primary_key()
            path = Path(folder) / f"{origin.table}.csv"
            _write_sample(database, kinds, path)
            drafted = draft_contract(path, name, options)
    except FileFaultError as fault:
        raise DraftError(f"{origin.name} cannot be read: {fault.reason}.") from fault
    drafted = _without_formats(_with_key(replace(drafted, file_name=origin.name), key))
    return drafted, _render(drafted, origin, _find_cursor(database, drafted, kinds))


def _write_sample(database: Database, kinds: dict[str, str], path: Path) -> None:
    texts = ", ".join(database.text(column, kind) for column, kind in kinds.items())
    schema = pa.schema([(column, pa.string()) for column in kinds])
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(kinds)
        for batch in database.batches(f"SELECT {texts} FROM {database.table} LIMIT {SAMPLE_ROWS}", schema):
            writer.writerows(zip(*(column.to_pylist() for column in batch.columns), strict=True))


def _with_key(drafted: Draft, key: tuple[str, ...]) -> Draft:
    """Return the draft with the primary key that the database declares; the guessed one where it declares none."""
    by_header = {column.header: column.name for column in drafted.columns}
    if not key or not set(key) <= set(by_header):
        return drafted
    names = tuple(by_header[header] for header in key)
    columns = tuple(replace(column, is_key=column.name in names) for column in drafted.columns)
    return replace(drafted, primary_key=names, columns=columns)


def _without_formats(drafted: Draft) -> Draft:
    """Return the draft without formats of times: databases write ISO 8601, with fractions where there are some."""
    columns = []
    for column in drafted.columns:
        options = {key: value for key, value in column.profile.reading.options.items() if key != "format"}
        is_time = column.profile.logical_type in ("date", "timestamp")
        reading = replace(column.profile.reading, options=options) if is_time else column.profile.reading
        columns.append(replace(column, profile=replace(column.profile, reading=reading)))
    return replace(drafted, columns=tuple(columns))


def _find_cursor(database: Database, drafted: Draft, kinds: dict[str, str]) -> str | None:
    """Return the column that seems to say when a row was changed."""
    for column in drafted.columns:
        kind = database.cursor_kind(kinds[column.header]) if column.header in kinds else None
        if kind in ("wall", "instant") and _CHANGE_WORDS.search(column.name):
            return column.name
    return None


def _render(drafted: Draft, origin: DatabaseTable, cursor: str | None) -> str:
    text = render_draft(drafted)
    start, end = text.index("servers:\n"), text.index("schema:\n")
    servers = "\n".join(_servers(drafted, origin, cursor)) + "\n"
    text = f"{text[:start]}{servers}{text[end:]}".replace(" of the file", " of the table")
    head, named, rest = text.partition("schema:\n  - name: ")
    first, _, rest = rest.partition("\n")
    return f"{head}{named}{first}\n    physicalName: {origin.table}\n{rest}"


def _servers(drafted: Draft, origin: DatabaseTable, cursor: str | None) -> Iterator[str]:
    yield "servers:"
    yield f"  - server: {origin.server}  # the entry of source_credentials in bojagi.toml"
    yield f"    type: {origin.kind}"
    yield f"    host: {origin.host}"
    yield f"    port: {origin.port}"
    yield f"    database: {origin.database}"
    if origin.schema is not None:
        yield f"    schema: {origin.schema}"
    yield "    customProperties:"
    if cursor is None:
        yield "      # guess: no column says when a row was changed, so each run reads the whole table"
    else:
        yield "      # guess: its name says when a row was changed. Every insert and change must set it"
        yield f"      - {{property: cursor, value: {cursor}, vendor: bojagi}}"
    yield "      # guess: rows that are deleted from the table are deleted here as well; keep would keep them"
    yield "      - {property: deletions, value: compare, vendor: bojagi}"
    if drafted.time_zone is not None:
        yield "      # guess: times without a zone are wall times of this zone"
        yield f"      - {{property: timeZone, value: {drafted.time_zone}, vendor: bojagi}}"
