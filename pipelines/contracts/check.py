"""Checks all contracts of an installation: structure, vocabulary, rules, and references between contracts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema

from pipelines.contracts.basic_rules import check_rules
from pipelines.contracts.event_rules import check_event_rules
from pipelines.contracts.privacy_rules import check_privacy_rules
from pipelines.contracts.server_rules import check_server_rules
from pipelines.contracts.value_rules import check_value_rules
from privacy.contract.collection import Documents, read_folders
from privacy.contract.document import Document, Relationship
from privacy.contract.fault import ContractError, Fault
from privacy.contract.yaml_source import Source, YamlPath


@dataclass(frozen=True)
class Guess:
    """A column that still has the property `guess`: `contracts init` drafted it, and it was not confirmed since."""

    path: Path
    line: int
    column: str


@dataclass(frozen=True)
class CheckResult:
    """Result of a check: contracts, faults and unconfirmed guesses. Use `documents` only when `faults` is empty."""

    documents: Documents[Document]
    faults: tuple[Fault, ...]
    guesses: tuple[Guess, ...]

    def raise_for_faults(self) -> None:
        """Raise an error when the check found a fault.

        Raises:
            ContractError: the check found faults; it lists all of them.

        """
        if self.faults:
            raise ContractError(self.faults)


def check_contracts(folders: Iterable[Path]) -> CheckResult:
    """Check every contract in the folders and return all faults, each with its file and line."""
    documents, sources, faults = read_folders(folders)
    by_path = {source.path: source for source in sources}
    found = set(faults)
    for source in sources:
        found |= _check_standard(source, {fault.line for fault in source.faults})
    for document in documents:
        source = by_path[document.path]
        for check in (check_rules, check_privacy_rules, check_event_rules, check_value_rules, check_server_rules):
            found |= set(check(document, source))
    found |= _check_references(documents, {str(source.content.get("id")) for source in sources})
    guesses = (Guess(d.path, c.line, c.name) for d in documents for c in d.columns if c.is_guess)
    return CheckResult(Documents(documents), tuple(sorted(found)), tuple(guesses))


def _check_standard(source: Source, known_lines: set[int]) -> set[Fault]:
    """Return the violations of the ODCS JSON schema, except in lines that already have a clearer fault."""
    found: set[Fault] = set()
    for error in _validator().iter_errors(source.content) if source.content else ():
        deepest = jsonschema.exceptions.best_match([error])
        place = tuple(deepest.absolute_path)
        is_about_keys = deepest.validator in ("additionalProperties", "unevaluatedProperties")
        lines = _lines_below(source, place) if is_about_keys else {source.line(place)}
        if not lines & known_lines:
            message = deepest.message if len(deepest.message) <= 200 else f"{deepest.message[:200]}…"
            hint = "correct the line as the ODCS v3.2 documentation says"
            found.add(Fault(source.path, source.line(place), "Not valid ODCS v3.2", got=message, hint=hint))
    return found


def _lines_below(source: Source, place: YamlPath) -> set[int]:
    return {line for other, line in source.lines.items() if other[: len(place)] == place}


@cache
def _validator() -> Any:
    text = resources.files("open_data_contract_standard").joinpath("schema.json").read_text("utf-8")
    schema = json.loads(text)
    # Checking for unknown keys would take two thirds of the time. The package's models, which every document has
    # passed already, check the same keys. Only the keys of a server depend on its type and are checked here.
    server_rule = schema["$defs"]["Server"].pop("unevaluatedProperties")
    _drop(schema, "unevaluatedProperties")
    schema["$defs"]["Server"]["unevaluatedProperties"] = server_rule
    return jsonschema.Draft201909Validator(schema)


def _drop(schema: Any, keyword: str) -> None:
    """Remove a keyword from a schema and from all its nested schemas."""
    if isinstance(schema, dict):
        schema.pop(keyword, None)
        schema = list(schema.values())
    if isinstance(schema, list):
        for item in schema:
            _drop(item, keyword)


def _check_references(documents: list[Document], known_ids: set[str]) -> set[Fault]:
    by_id = {document.id: document for document in documents}
    return {
        fault
        for document in documents
        for relationship in document.relationships
        for fault in _check_relationship(document, relationship, by_id, known_ids)
    }


def _check_relationship(
    document: Document, relationship: Relationship, by_id: dict[str, Document], known_ids: set[str]
) -> Iterator[Fault]:
    def fault(message: str, got: str, expected: str = "") -> Fault:
        return Fault(document.path, relationship.line, message, got, expected)

    target_id = relationship.target_id(document.layer)
    target = by_id.get(target_id)
    if target is None:
        if target_id not in known_ids:
            expected = f"one of {', '.join(sorted(by_id))}"
            yield fault("The relationship refers to a table without a contract", target_id, expected)
        return
    here = {column.name: column.spark_type for column in document.columns}
    there = {column.name: column.spark_type for column in target.columns}
    for name, target_name in zip(relationship.columns, relationship.target_columns, strict=True):
        if name not in here:
            yield fault("The relationship starts from a column that does not exist", name, f"one of {', '.join(here)}")
        elif target_name not in there:
            yield fault(
                "The relationship refers to a column that does not exist",
                f"{target_id}.{target_name}",
                f"one of {', '.join(there)}",
            )
        elif here[name] != there[target_name]:
            got = f"{name} {here[name]}, {target_id}.{target_name} {there[target_name]}"
            yield fault("The relationship joins columns of different types", got, "the same type on both sides")
