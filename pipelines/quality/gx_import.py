"""Importing Great Expectations: it costs seconds, and warns of its own use of deprecated modules."""

from __future__ import annotations

import importlib
import threading
import warnings
from types import ModuleType

_MODULES = ("gx_run", "gx_suite", "gx_site")


def import_late(module: str) -> ModuleType:
    """Import one of our modules that import Great Expectations, such as `gx_run`, without warnings."""
    with warnings.catch_warnings():
        # Of the library, about itself; nothing that we could change.
        warnings.simplefilter("ignore", DeprecationWarning)
        return importlib.import_module(f"pipelines.quality.{module}")


def preload() -> threading.Thread:
    """Start importing Great Expectations beside other work, such as the loading of files.

    Nothing breaks if this is never called: the first validation then waits for the import. A failing import is
    reported there as well.
    """
    thread = threading.Thread(target=_preload, name="import-great-expectations", daemon=True)
    thread.start()
    return thread


def _preload() -> None:
    for module in _MODULES:
        import_late(module)
