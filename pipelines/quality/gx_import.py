"""Importing Great Expectations: it costs seconds, and warns of its own use of deprecated modules."""

from __future__ import annotations

import importlib
import warnings
from types import ModuleType

_MODULES = ("gx_run", "gx_suite", "gx_site")


def import_late(module: str) -> ModuleType:
    """Import one of our modules that import Great Expectations, such as `gx_run`, without warnings."""
    with warnings.catch_warnings():
        # Of the library, about itself; nothing that we could change.
        warnings.simplefilter("ignore", DeprecationWarning)
        return importlib.import_module(f"pipelines.quality.{module}")


def preload() -> None:
    """Import Great Expectations now. Nothing breaks without it: the first validation then waits for the import."""
    for module in _MODULES:
        import_late(module)
