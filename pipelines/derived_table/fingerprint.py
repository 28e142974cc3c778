"""What a table was made from, in one word: unchanged means that building it again would give the same."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path

from pipelines.consent.filter import consent_state
from pipelines.derived_table.table import BuildContext, DerivedTable
from pipelines.lakehouse.spark_lakehouse import SparkLakehouse as Lakehouse

_PACKAGES = ("unify", "identity", "contracts", "quality", "consent")
"""Packages whose code takes part in a build."""


def fingerprint(table: DerivedTable, lakehouse: Lakehouse, context: BuildContext) -> str:
    """Return `<code>-<inputs>`: a hash of code, contracts and day, and one of the state of every input."""
    inputs = table.all_inputs(context.contracts)
    declared = (name for name in (table.name, *inputs) if not name.startswith("consent/"))
    contracts = {name: context.contracts.table(name).sha256 for name in declared}
    day = context.as_of.isoformat() if table.uses_as_of else None
    made_by = _digest([code_version(), table.version, contracts, day])
    agreed = consent_state(context.contracts.table(table.name), lakehouse, context)
    made_from = _digest({name: state(name, lakehouse, context) for name in inputs} | agreed)
    return f"{made_by}-{made_from}"


def state(name: str, lakehouse: Lakehouse, context: BuildContext) -> str:
    """Return the state of a table: which table it is, and what it was made from or its version.

    A table that was deleted and made again is another table, though its version starts anew: Delta gives it a new id.
    """
    if name.startswith("consent/"):
        return context.agreed.state
    if not lakehouse.exists(name):
        return "missing"
    delta = lakehouse.delta(name)
    made_from = None if name.startswith("bronze/") else lakehouse.fingerprint(name)
    return f"{delta.metadata().id}:{made_from or delta.version()}"


@cache
def code_version() -> str:
    """Return a hash of the code that takes part in builds."""
    root = Path(__file__).parent.parent
    files = sorted(path for package in _PACKAGES for path in (root / package).glob("*.py"))
    return _digest({str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files})


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]
