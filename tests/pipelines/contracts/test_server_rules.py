"""Contracts of sources beyond files: what a server of each type must state, and which faults are reported."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipelines.contracts.check import CheckResult, check_contracts
from privacy.contract.document import Bucket, DatabaseTable, KafkaTopic

EXAMPLE = Path(__file__).parent / "example"
FILES = """\
servers:
  - server: landing
    type: local
    path: member/*.csv
    format: csv
    encoding: UTF-8-BOM
"""
DATABASE = {
    "server": "shop",
    "type": "postgresql",
    "host": "db.example",
    "port": 5432,
    "database": "shop",
    "schema": "crm",
}
CURSOR = {"property": "cursor", "value": "joined_at", "vendor": "bojagi"}
COMPARE = {"property": "deletions", "value": "compare", "vendor": "bojagi"}


def check(folder: Path, server: dict[str, object], *custom: dict[str, object], **changes: str) -> CheckResult:
    """Check the example with this server; `changes` replaces texts of the contract."""
    shutil.copytree(EXAMPLE, folder, dirs_exist_ok=True)
    path = folder / "source_member.odcs.yaml"
    text = path.read_text("utf-8")
    assert FILES in text
    lines = [f"{key}: {value}" for key, value in server.items()]
    lines += ["customProperties:"] if custom else []
    lines += [f"  - {{property: {one['property']}, value: {one['value']}, vendor: bojagi}}" for one in custom]
    text = text.replace(FILES, "servers:\n  - " + "\n    ".join(lines) + "\n")
    for old, new in changes.items():
        text = text.replace(old, new)
    path.write_text(text, "utf-8")
    return check_contracts([folder])


def messages(result: CheckResult) -> str:
    return "\n".join(map(str, result.faults))


def test_a_database_table_is_read_with_its_defaults(tmp_path: Path) -> None:
    result = check(tmp_path, DATABASE, COMPARE, CURSOR)
    assert messages(result) == ""
    file = result.documents["source.member"].file
    assert file is not None
    assert file.origin == DatabaseTable(
        "shop", "postgresql", "db.example", 5432, "shop", "crm", "member", cursor="joined_at", deletions="compare"
    )
    assert (file.format, file.kind, file.is_landed, file.null_values) == ("table", "postgresql", False, ())


@pytest.mark.parametrize(("kind", "expected"), [("postgres", "postgresql"), ("mysql", "mysql")])
def test_each_type_of_database_has_its_kind(tmp_path: Path, kind: str, expected: str) -> None:
    server = {key: value for key, value in {**DATABASE, "type": kind}.items() if kind != "mysql" or key != "schema"}
    result = check(tmp_path, server, COMPARE)
    assert messages(result) == ""
    file = result.documents["source.member"].file
    assert file is not None
    assert file.kind == expected


def test_a_bucket_is_read_with_its_pattern(tmp_path: Path) -> None:
    server = {"server": "lake", "type": "s3", "location": "s3://shop/member/*.csv", "format": "csv",
              "endpointUrl": "https://store.example"}  # fmt: skip
    result = check(tmp_path, server)
    assert messages(result) == ""
    file = result.documents["source.member"].file
    assert file is not None
    assert (file.path, file.origin) == ("member/*.csv", Bucket("lake", "shop", "https://store.example"))


def test_a_topic_is_read_with_its_schema(tmp_path: Path) -> None:
    server = {"server": "bus", "type": "kafka", "host": "'a:9092,b:9092'", "format": "avro"}
    schema = {"property": "avroSchema", "value": "{type: record, name: member, fields: []}"}
    result = check(tmp_path, server, schema, {"property": "avroHeader", "value": "registry"})
    assert messages(result) == ""
    file = result.documents["source.member"].file
    assert file is not None
    avro = {"type": "record", "name": "member", "fields": []}
    assert file.origin == KafkaTopic("bus", "a:9092,b:9092", "member", avro, "registry")
    assert (file.format, file.kind, file.is_landed) == ("avro", "kafka", False)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"type": "kafka", "host": ""}, "does not fully declare the topic"),
        ({"type": "kafka", "format": "avro"}, "does not fully declare the topic"),
        ({"type": "kafka", "format": "xml"}, "does not fully declare the topic"),
        ({"type": "oracle"}, "Unknown type of server (got: 'oracle'"),
        ({"host": ""}, "does not fully declare the database"),
        ({"port": "many"}, "does not fully declare the database"),
        (
            {"server": "x", "type": "s3", "location": "http://x/y", "format": "csv"},
            "does not fully declare the objects",
        ),
    ],
)
def test_a_server_that_cannot_be_read_is_a_fault(tmp_path: Path, change: dict[str, object], message: str) -> None:
    assert message in messages(check(tmp_path, {**DATABASE, **change}, COMPARE))


@pytest.mark.parametrize(
    ("custom", "message"),
    [
        ([], "must state what happens to rows that are deleted from it"),
        ([{"property": "deletions", "value": "forget"}], "Property 'deletions' has an invalid value"),
        ([COMPARE, {"property": "cursor", "value": "changed_at"}], "The cursor cannot order the rows"),
        ([COMPARE, {"property": "cursor", "value": "name"}], "The cursor cannot order the rows"),
        ([COMPARE, {"property": "lookback", "value": -1}], "Property 'lookback' has an invalid value"),
        ([COMPARE, {"property": "delimiter", "value": "';'"}], "'delimiter' belongs to files"),
    ],
)
def test_properties_of_a_database_table_are_checked(
    tmp_path: Path, custom: list[dict[str, object]], message: str
) -> None:
    assert message in messages(check(tmp_path, DATABASE, *custom))


def test_properties_of_a_table_are_faults_on_files(tmp_path: Path) -> None:
    server = {"server": "landing", "type": "local", "path": "member/*.csv", "format": "csv"}
    assert "'deletions' belongs to database tables" in messages(check(tmp_path, server, COMPARE))


def test_a_table_needs_a_key_by_which_rows_can_be_compared(tmp_path: Path) -> None:
    nameless = check(tmp_path, DATABASE, COMPARE, **{"        primaryKey: true\n        primaryKeyPosition: 1\n": ""})
    assert "A database table needs a primary key" in messages(nameless)
    tokenless = check(
        tmp_path / "b", DATABASE, COMPARE, **{"          - {property: token, value: member_no, vendor: bojagi}\n": ""}
    )
    assert "'member_no' of the primary key is encrypted and has no token" in messages(tokenless)
