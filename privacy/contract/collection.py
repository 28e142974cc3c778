"""Holds all contracts of one or more folders and finds them by id, source name or table name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Generic, TypeVar

from privacy.contract.document import Document
from privacy.contract.document_reader import read_document
from privacy.contract.fault import ContractError, Fault
from privacy.contract.yaml_source import Source
from privacy.errors import PrivacyError

D = TypeVar("D", bound=Document)
PATTERN = "*.odcs.yaml"
SERVICE_PATTERN = "*.service.yaml"
"""Files of feature services, which `features.definition` reads."""
WORDING_PATTERN = "*.wording.yaml"
"""Files of plain names for data subjects, which `installation.contract.plain_name` reads."""


class UnknownContractError(PrivacyError, KeyError):
    """No contract has the requested id."""

    def __str__(self) -> str:
        return self.message


class Documents(Mapping[str, D], Generic[D]):
    """Maps contract id (such as `source.crm_customer`) to contract, in the order of the files."""

    def __init__(self, documents: Iterable[D]) -> None:
        self._by_id = {document.id: document for document in documents}
        self._layers: dict[str, tuple[D, ...]] = {}

    def __getitem__(self, contract_id: str) -> D:
        if contract_id not in self._by_id:
            known = ", ".join(self._by_id) or "none"
            raise UnknownContractError(f"There is no contract {contract_id!r}. Known contracts: {known}.")
        return self._by_id[contract_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_id)

    def __len__(self) -> int:
        return len(self._by_id)

    def source(self, name: str) -> D:
        """Return the contract of a source, by the source's name such as `crm_customer`.

        Raises:
            UnknownContractError: there is no such source. The message names similar ones.
        """
        if f"source.{name}" not in self._by_id:
            known = [document.name for document in self.layer("source")]
            near = get_close_matches(name, known, n=3) or [other for other in known if name and name in other]
            hint = f"Did you mean {' or '.join(near)}?" if near else f"Known sources: {', '.join(known) or 'none'}."
            raise UnknownContractError(f"There is no source {name!r}. {hint}")
        return self[f"source.{name}"]

    def table(self, table: str) -> D:
        """Return the contract of a lakehouse table such as `silver/customer`; for `bronze/…`, that of the source."""
        layer, _, name = table.partition("/")
        return self[f"{'source' if layer == 'bronze' else layer}.{name}"]

    def layer(self, layer: str) -> tuple[D, ...]:
        """Return all contracts of one layer: source, silver, gold or release."""
        if layer not in self._layers:
            self._layers[layer] = tuple(document for document in self.values() if document.layer == layer)
        return self._layers[layer]

    @property
    def sources(self) -> tuple[D, ...]:
        """Contracts of all sources."""
        return self.layer("source")


def read_folders(folders: Iterable[Path]) -> tuple[list[Document], list[Source], list[Fault]]:
    """Return the contracts that could be read, the parsed file of every contract, and all faults."""
    documents: list[Document] = []
    sources: list[Source] = []
    faults: list[Fault] = []
    seen: dict[str, Path] = {}
    for folder in folders:
        if not folder.is_dir():
            hint = "correct --contracts or contract_dirs in bojagi.toml"
            faults.append(Fault(folder, 1, "No such folder of contracts", hint=hint))
        faults.extend(_misnamed_files(folder))
        for path in sorted(folder.glob(PATTERN)):
            document, source = read_document(path)
            contract_id = str(source.content.get("id", path))
            if contract_id in seen:
                got = f"also in {seen[contract_id]}"
                source.report(("id",), f"Contract {contract_id!r} is declared twice", got=got, hint="remove one file")
            seen.setdefault(contract_id, path)
            sources.append(source)
            faults.extend(source.faults)
            if document is not None:
                documents.append(document)
    return documents, sources, faults


def _misnamed_files(folder: Path) -> list[Fault]:
    """Return a fault for each YAML file that would not be read because of its name."""
    found = {path for suffix in ("*.yaml", "*.yml") for path in folder.glob(suffix)} - {
        path for pattern in (PATTERN, SERVICE_PATTERN, WORDING_PATTERN) for path in folder.glob(pattern)
    }
    hint = "rename it to <layer>_<table>.odcs.yaml, or move it to another folder"
    message = "This YAML file is not read, because its name is not that of a contract"
    return [Fault(path, 1, message, path.name, PATTERN, hint) for path in found]


def read_documents(folders: Iterable[Path]) -> Documents[Document]:
    """Return all contracts of the folders.

    Raises:
        ContractError: a file has faults of structure or vocabulary; it lists all of them.

    """
    documents, _, faults = read_folders(folders)
    if faults:
        raise ContractError(faults)
    return Documents(documents)
