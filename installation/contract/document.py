"""The contracts with Arrow schemas. `privacy.contract` reads the documents."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa

from installation.contract.built_in import BUILT_IN
from privacy.contract.arrow_type import arrow_type
from privacy.contract.collection import Documents, UnknownContractError, read_documents
from privacy.contract.column import Bound, Column, Impute, Standardise
from privacy.contract.document import Document, FileFormat, Recipient, Relationship, Touchpoint
from privacy.contract.fault import ContractError, Fault

__all__ = [
    "BUILT_IN",
    "Bound",
    "Column",
    "Contract",
    "ContractError",
    "Contracts",
    "Fault",
    "FileFormat",
    "Impute",
    "Recipient",
    "Relationship",
    "Standardise",
    "Touchpoint",
    "UnknownContractError",
    "arrow_type",
    "load_contracts",
]


@dataclass(frozen=True)
class Contract(Document):
    """One contract with its Arrow schema. Fields are those of `privacy.contract.document.Document`."""

    def arrow_schema(self) -> Any:
        """Return the `pyarrow.Schema` of the contract's columns; required columns are not nullable."""
        return pa.schema([pa.field(c.name, arrow_type(c.spark_type), nullable=not c.required) for c in self.columns])


Contracts: TypeAlias = Documents[Contract]


def load_contracts(folders: Iterable[Path] = BUILT_IN) -> Contracts:
    """Read every `*.odcs.yaml` of the folders, by contract id.

    Structure and vocabulary are validated here. `pipelines.contracts.check` checks the rules over a whole contract or
    over several contracts.

    Raises:
        ContractError: with every fault found, each with its file and line.

    """
    return Contracts(Contract(**vars(document)) for document in read_documents(folders).values())
