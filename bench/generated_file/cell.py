"""Holds one value of a generated file with its true value, and the column that it belongs to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any


@dataclass(frozen=True)
class Cell:
    """One value.

    Attributes:
        accepted: the values that a load may give. The first is the true value; empty means: never loaded.
        text: the value as written in a text file; None for null.
        json: the value as written in JSON.
        native: the value for a Parquet file or a sheet.
        is_sound: whether the value follows the contract, so that it must be loaded.
        token: the text from which a matching token must be made; None when the column has none.
    """

    accepted: tuple[Any, ...]
    text: str | None
    json: str
    native: Any = None
    is_sound: bool = True
    token: str | None = None


@dataclass(frozen=True)
class Column:
    """One column: how the contract describes it and how its values are drawn.

    Attributes:
        form: short name of the way in which values are written.
        options: `logicalTypeOptions` of the contract.
        custom: Bojagi's properties of the contract.
        arrow_type: type of the column in a Parquet file.
        is_stated: whether the contract states the form; otherwise the values must not be guessed.
    """

    name: str
    kind: str
    form: str
    logical_type: str
    spark_type: str
    draw: Callable[[Random], Cell]
    options: Mapping[str, Any] = field(default_factory=dict)
    custom: Mapping[str, Any] = field(default_factory=dict)
    enum: tuple[str, ...] = ()
    is_required: bool = False
    arrow_type: Any = None
    header: str = ""
    is_stated: bool = True

    @property
    def title(self) -> str:
        """Name of the column in the file."""
        return self.header or self.name
