"""Checks all contracts together: structure, vocabulary, rules, and references between them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema

from pipelines.contracts.event_rules import check_event_rules
from pipelines.contracts.privacy_rules import check_privacy_rules
from pipelines.contracts.rules import check_rules
from privacy.contract.collection import Documents, read_folders
from privacy.contract.document import Document, Relationship
from privacy.contract.fault import ContractError, Fault
from privacy.contract.text import Place, Source


@dataclass(frozen=True)
class Guess:
    """A column that `contracts init` guessed and no human has looked at yet."""

    path: Path
    line: int
    column: str


@dataclass(frozen=True)
class CheckResult:
    """What a check found. `documents` are sound only if there are no faults."""

    documents: Documents[Document]
    faults: tuple[Fault, ...]
    guesses: tuple[Guess, ...]

    def raise_for_faults(self) -> None:
        """Raise the faults, if there are any.

        Raises:
            ContractError: with every fault.

        """
        if self.faults:
            raise ContractError(self.faults)


def check_contracts(folders: Iterable[Path]) -> CheckResult:
    """Check every contract of the folders and return all faults at once, by file and line."""
    documents, sources, faults = read_folders(folders)
    by_path = {source.path: source for source in sources}
    found = set(faults)
    for source in sources:
        found |= _check_standard(source, {fault.line for fault in source.faults})
    for document in documents:
        source = by_path[document.path]
        for check in (check_rules, check_privacy_rules, check_event_rules):
            found |= set(check(document, source))
    found |= _check_references(documents, {str(source.content.get("id")) for source in sources})
    guesses = (Guess(d.path, c.line, c.name) for d in documents for c in d.columns if c.is_guess)
    return CheckResult(Documents(documents), tuple(sorted(found)), tuple(guesses))


def _check_standard(source: Source, known_lines: set[int]) -> set[Fault]:
    """Return the faults against the JSON schema of ODCS, but for places that have a clearer fault already."""
    found: set[Fault] = set()
    for error in _validator().iter_errors(source.content) if source.content else ():
        deepest = jsonschema.exceptions.best_match([error])
        place = tuple(deepest.absolute_path)
        is_about_keys = deepest.validator in ("additionalProperties", "unevaluatedProperties")
        lines = _lines_below(source, place) if is_about_keys else {source.line(place)}
        if not lines & known_lines:
            message = deepest.message if len(deepest.message) <= 200 else f"{deepest.message[:200]}…"
            found.add(Fault(source.path, source.line(place), "Not valid ODCS v3.2", got=message))
    return found


def _lines_below(source: Source, place: Place) -> set[int]:
    return {line for other, line in source.lines.items() if other[: len(place)] == place}


@cache
def _validator() -> Any:
    text = resources.files("open_data_contract_standard").joinpath("schema.json").read_text("utf-8")
    schema = json.loads(text)
    # Two thirds of the time would go into keys that no branch of the schema knows. The package's models, held
    # against every document already, know the same keys; only a server's depend on its type.
    kept = schema["$defs"]["Server"].pop("unevaluatedProperties")
    _drop(schema, "unevaluatedProperties")
    schema["$defs"]["Server"]["unevaluatedProperties"] = kept
    return jsonschema.Draft201909Validator(schema)


def _drop(schema: Any, keyword: str) -> None:
    """Remove a keyword from a schema and everything below."""
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
            yield fault(
                "A relationship points at no contract", target_id, f"one of {', '.join(sorted(by_id))}"
            )
        return
    here = {column.name: column.spark_type for column in document.columns}
    there = {column.name: column.spark_type for column in target.columns}
    for name, target_name in zip(relationship.columns, relationship.target_columns, strict=True):
        if name not in here:
            yield fault("A relationship starts from no column", name, f"one of {', '.join(here)}")
        elif target_name not in there:
            yield fault(
                "A relationship points at no column",
                f"{target_id}.{target_name}",
                f"one of {', '.join(there)}",
            )
        elif here[name] != there[target_name]:
            got = f"{name} {here[name]}, {target_id}.{target_name} {there[target_name]}"
            yield fault("A relationship joins columns of different types", got, "one type")
