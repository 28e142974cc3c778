"""Reads one contract file and reports its faults."""

from __future__ import annotations

import hashlib
from pathlib import Path

from open_data_contract_standard.model import OpenDataContractStandard, SchemaObject

from privacy.contract.column import Column
from privacy.contract.column_reader import read_column
from privacy.contract.custom_property import read_custom
from privacy.contract.document import Document, Recipient, Relationship, Touchpoint
from privacy.contract.odcs_structure import parse_standard
from privacy.contract.server_reader import read_file_format
from privacy.contract.service_level import FRESHNESS, read_hours, read_retention_days, read_time_column
from privacy.contract.vocabulary import load_vocabulary
from privacy.contract.yaml_source import Source, YamlPath, parse_text

SCHEMA: YamlPath = ("schema", 0)


def read_document(path: Path) -> tuple[Document | None, Source]:
    """Return the contract of a file and its parsed source; `source.faults` lists the faults found.

    When there are faults, the contract is None or incomplete; use it for further checks only. This function reports
    faults of YAML, unknown keys, wrong types and values outside the vocabulary. Rules over a whole contract or over
    several contracts are checked by `pipelines.contracts.check`.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        source = Source(path)
        source.report((), "The file is not UTF-8", got=f"byte {error.start} of the file", hint="convert it to UTF-8")
        return None, source
    source = parse_text(text, path)
    if source.faults:
        return None, source
    standard = parse_standard(source)
    if standard is None:
        return None, source
    return _read(standard, source, hashlib.sha256(text.encode()).hexdigest()), source


def _read(standard: OpenDataContractStandard, source: Source, sha256: str) -> Document | None:
    if standard.kind != "DataContract" or not (standard.apiVersion or "").startswith("v3."):
        got = f"{standard.kind} {standard.apiVersion}"
        expected = "kind DataContract, apiVersion v3.2.0"
        place: YamlPath = ("apiVersion",) if standard.kind == "DataContract" else ("kind",)
        source.report(place, "Not a contract of ODCS version 3", got=got, expected=expected)
    schemas = standard.schema_ or []
    if len(schemas) != 1:
        message, hint = "A contract must declare exactly one table", "write one file for each table"
        source.report(("schema",), message, got=f"{len(schemas)} schema objects", expected="1", hint=hint)
        return None
    schema = schemas[0]
    custom = read_custom(schema.customProperties, SCHEMA, "objectProperties", source)
    purposes = tuple(custom.get("purpose", ()))
    columns = [
        read_column(entry, (*SCHEMA, "properties", index), purposes, source)
        for index, entry in enumerate(schema.properties or ())
    ]
    if not columns:
        source.report(SCHEMA, "The table has no columns", hint="list them under properties")
    usable = tuple(column for column in columns if column is not None)
    layer = custom.get("layer", "")
    if standard.id != f"{layer}.{schema.name}" and layer:
        message = "The id does not consist of layer and table"
        source.report(("id",), message, got=repr(standard.id), expected=f"{layer}.{schema.name}")
    return Document(
        id=standard.id or "",
        name=schema.name or "",
        layer=layer,
        version=standard.version or "",
        columns=usable,
        relationships=_relationships(schema, source),
        grain=" ".join((schema.dataGranularityDescription or "").split()),
        description=" ".join((schema.description or "").split()),
        owner=_owner(standard),
        purposes=purposes,
        built_for=custom.get("builtFor"),
        legal_bases=_legal_bases(custom.get("legalBasis"), purposes),
        legal_article=custom.get("legalArticle", ""),
        retention_days=read_retention_days(standard, source),
        retention_column=read_time_column(standard, ("retention",)),
        retention_basis=custom.get("retentionBasis", ""),
        retention_hold=custom.get("retentionHold", {}),
        retention_by_source=custom.get("retentionBySource"),
        freshness_hours=read_hours(standard, FRESHNESS, source),
        freshness_column=read_time_column(standard, FRESHNESS),
        frequency_hours=read_hours(standard, ("frequency",), source),
        simulated=custom.get("simulated", False),
        subject_key=custom.get("subjectKey"),
        file=read_file_format(standard, schema.physicalName or schema.name or "", source),
        touchpoint=_touchpoint(custom.get("touchpoint"), usable),
        recipients=tuple(
            Recipient(role.role or "", role.access or "", role.description or "") for role in standard.roles or ()
        ),
        quality=tuple(item.model_dump(exclude_none=True) for item in schema.quality or ()),
        check_severity=custom.get("checkSeverity", {}),
        outlier_columns=tuple(custom.get("outlierColumns", ())),
        volume=custom.get("volume", {}),
        feature_view=custom.get("featureView", {}),
        transform=custom.get("transform", {}),
        collection=custom.get("collection", {}),
        key_positions=_key_positions(schema),
        path=source.path,
        sha256=sha256,
    )


def _owner(standard: OpenDataContractStandard) -> str:
    team = standard.team
    if team is None:
        return ""
    if isinstance(team, list):
        return (team[0].username or "") if team else ""
    return team.name or ""


def _legal_bases(value: str | dict[str, str] | None, purposes: tuple[str, ...]) -> dict[str, str]:
    """Return the legal basis of each purpose: from the mapping `value`, else the vocabulary's default.

    A single term replaces the default of purposes that rest neither on consent nor on a legal duty. So "contract" on
    a table never removes the need for consent to marketing. A single "consent" replaces all defaults but legal duties.
    """
    defaults = {purpose: load_vocabulary().basis_of(purpose) for purpose in purposes}
    if not isinstance(value, str):
        return {purpose: (value or {}).get(purpose, default) for purpose, default in defaults.items()}
    kept = ("legal_duty",) if value == "consent" else ("legal_duty", "consent")
    return {purpose: default if default in kept else value for purpose, default in defaults.items()}


def _touchpoint(value: dict[str, str] | None, columns: tuple[Column, ...]) -> Touchpoint | None:
    if value is None:
        return None
    roles = {column.touchpoint_role: column.name for column in columns if column.touchpoint_role}
    return Touchpoint(value.get("channel"), value.get("eventType"), roles)


def _relationships(schema: SchemaObject, source: Source) -> tuple[Relationship, ...]:
    found: list[Relationship] = []
    for index, column in enumerate(schema.properties or ()):
        for position, entry in enumerate(column.relationships or ()):
            place: YamlPath = (*SCHEMA, "properties", index, "relationships", position)
            found += _relationship([column.name or ""], _listed(entry.to), place, source)
    for index, entry in enumerate(schema.relationships or ()):
        place = (*SCHEMA, "relationships", index)
        here = [_split(name)[1] for name in _listed(entry.from_)]
        found += _relationship(here, _listed(entry.to), place, source)
    return tuple(found)


def _relationship(here: list[str], there: list[str], place: YamlPath, source: Source) -> list[Relationship]:
    tables = {_split(name)[0] for name in there}
    if not here or len(here) != len(there) or len(tables) != 1:
        expected = "as many columns in `to` as in `from`, all of one table"
        message = "The relationship does not match its columns one to one"
        source.report(place, message, got=f"{here} to {there}", expected=expected)
        return []
    columns = tuple(_split(name)[1] for name in there)
    return [Relationship(tuple(here), tables.pop(), columns, line=source.line(place))]


def _listed(value: str | list[str] | None) -> list[str]:
    return [value] if isinstance(value, str) else value or []


def _split(reference: str) -> tuple[str, str]:
    table, _, column = reference.rpartition(".")
    return table, column


def _key_positions(schema: SchemaObject) -> dict[str, int]:
    return {
        entry.name or "": entry.primaryKeyPosition
        for entry in schema.properties or ()
        if entry.primaryKeyPosition is not None
    }
