"""Imports the modules that need Great Expectations, at their first use, because the import takes seconds."""

from __future__ import annotations

import importlib
import threading
import warnings
from types import ModuleType

_MODULES = ("gx_run", "gx_suite", "gx_site")
# Two threads that import it at once may see its modules half initialised: the run's thread and that of the checks.
_IMPORTING = threading.RLock()


def import_late(module: str) -> ModuleType:
    """Import and return a module of this package that needs Great Expectations, such as `gx_run`, without warnings."""
    with _IMPORTING, warnings.catch_warnings():
        # The library warns about its own use of deprecated modules, which this project cannot change.
        warnings.simplefilter("ignore", DeprecationWarning)
        return importlib.import_module(f"pipelines.quality.{module}")


def preload() -> None:
    """Import Great Expectations now, so that the first validation does not wait for the import. Optional."""
    for module in _MODULES:
        import_late(module)
