"""Asset checks: what `pipelines.quality` promises and finds of a table, as Dagster shows it.

A table has one Dagster check for each kind of rule (schema, keys, values, references, volume ...), not for
each rule: a reader scans six, and the list in its metadata gives each rule with counts and examples. A check
blocks when a rule of severity *error* in it is broken; broken *warnings* are shown and let the run go on.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from datetime import datetime

import dagster as dg

from pipelines.contracts.document import Contract
from pipelines.defs.consent import consent_result, consent_spec
from pipelines.orchestration.check_result import STEP_SUFFIX, check_results, rule_group
from pipelines.orchestration.failure import own_errors_are_final
from pipelines.orchestration.metadata import asset_key
from pipelines.quality.suite import Circumstance, derive_checks, parents_of, table_of

# Which rules exist does not depend on the day; only the bounds of freshness and volume do.
_ANY_DAY = Circumstance(as_of=datetime(2017, 12, 31))


def table_checks(contract: Contract, later: Collection[str] = ()) -> dg.AssetChecksDefinition:
    """Return the checks of a table: one step after it and after the tables that its rules look into.

    `later` are tables that the step cannot look into, because they are built from this one; it says so.
    """
    specs = check_specs(contract, rule_parents(contract) - {contract.table})
    consent = consent_spec(contract)
    left_out = f"References into {', '.join(sorted(later))} are not checked: built from this table." if later else None

    @dg.multi_asset_check(
        name=contract.table.replace("/", "__") + STEP_SUFFIX,
        specs=[*specs, *([consent] if consent else [])],
        description=left_out,
        # Whatever can be built goes first: its checks run beside it meanwhile.
        op_tags={"dagster/priority": "-1"},
        required_resource_keys={"gate", "today", "lakehouse", "consent", "account"},
    )
    def inspect(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        held = context.resources
        with own_errors_are_final():
            inspection = held.gate.inspect(contract, held.today())
            proven = [consent_result(contract, held.lakehouse, held.consent(), held.account)] if consent else []
        yield from check_results(specs, inspection)
        yield from proven

    return inspect


def without_references(contract: Contract, tables: Collection[str]) -> Contract:
    """Return the contract without its references into the tables."""
    kept = (
        relationship
        for relationship in contract.relationships
        if table_of(relationship.target_id(contract.layer)) not in tables
    )
    return replace(contract, relationships=tuple(kept))


def rule_parents(contract: Contract) -> frozenset[str]:
    """Return the tables that the contract's rules look into besides its own."""
    return parents_of(derive_checks(contract, _ANY_DAY))


def check_specs(contract: Contract, parents: Iterable[str] = ()) -> list[dg.AssetCheckSpec]:
    """Return one blocking check for each kind of rule that the contract has."""
    groups: dict[str, list[str]] = {}
    for check in derive_checks(contract, _ANY_DAY):
        groups.setdefault(rule_group(check.kind), []).append(check.description)
    return [
        dg.AssetCheckSpec(
            name,
            asset=asset_key(contract.table),
            additional_deps=[asset_key(parent) for parent in parents],
            blocking=True,
            description="; ".join(descriptions),
        )
        for name, descriptions in groups.items()
    ]
