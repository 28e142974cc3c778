"""Makes derived tables from contracts with the property `transform`, which names the function that builds the table."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any
from zlib import crc32

from pyspark.sql import DataFrame

from features.transform.snapshot import month_ends
from pipelines.derived_table.table import BuildContext, DerivedTable, Tables
from privacy.contract.document import Document
from privacy.contract.fault import ContractError, Fault

Transform = Callable[..., DataFrame]


@dataclass(frozen=True)
class DeclaredBuild:
    """Calls the function of a contract with its inputs, the days for which to compute, and its parameters by name."""

    function: Transform
    inputs: tuple[str, ...]
    month_ends: int
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, tables: Tables, context: BuildContext) -> DataFrame:
        """Return the rows of the table."""
        days = month_ends(context.as_of, self.month_ends)
        return self.function(*(tables[name] for name in self.inputs), days, **self.parameters)


def declared_tables(contracts: Iterable[Document]) -> tuple[DerivedTable, ...]:
    """Return the tables whose contracts name a function.

    The code of a module of this project is part of the table's fingerprint. A file beside a contract is not, so its
    checksum is the version of the table.

    Raises:
        ContractError: with a fault for each function that cannot be loaded.
    """
    faults: list[Fault] = []
    found = [_read(contract, faults) for contract in contracts if contract.transform]
    if faults:
        raise ContractError(faults)
    return tuple(table for table in found if table is not None)


def _read(contract: Document, faults: list[Fault]) -> DerivedTable | None:
    place, _, name = str(contract.transform.get("function", "")).partition(":")
    inputs = tuple(contract.transform.get("inputs", ()))
    file = contract.path.parent / place if place.endswith(".py") else None
    try:
        function = getattr(importlib.import_module(place) if file is None else _module(file), name)
    except (ImportError, OSError, SyntaxError, ValueError, AttributeError) as error:
        about = f"The function of {contract.id} cannot be loaded: {error}"
        expected = "module:function, or file.py:function with a file beside the contract"
        faults.append(Fault(contract.path, 1, about, f"{place}:{name}", expected))
        return None
    month_count, parameters = int(contract.transform.get("monthEnds", 0)), contract.transform.get("parameters", {})
    build = DeclaredBuild(function, inputs, month_count, parameters)
    if file is None:
        return DerivedTable(contract.table, inputs, build, modules=(place,))
    return DerivedTable(contract.table, inputs, build, version=crc32(file.read_bytes()))


def _module(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file.name} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
