"""Declares the asset checks of each table, which run the rules of its contract.

A table has one Dagster check for each kind of rule (schema, keys, values, references, volume), not for each rule, so
that a reader sees about six checks. The metadata of a check lists each rule with counts and examples. A check blocks
the tables below when a rule of severity *error* is broken. A broken *warning* is shown, and the run goes on.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from datetime import datetime

import dagster as dg

from installation.contract.document import Contract
from pipelines.defs.consent import consent_result, consent_spec
from pipelines.defs.newest_event import newest_event_result, newest_event_spec
from pipelines.orchestration.check_result import STEP_SUFFIX, absent_results, check_results, rule_group
from pipelines.orchestration.failure import own_errors_are_final
from pipelines.orchestration.metadata import asset_key
from pipelines.orchestration.pipeline_run import PipelineRun
from pipelines.quality.contract_check import RunContext, derive_checks, parents_of, table_of

# The set of rules does not depend on the date; only the limits of freshness and volume do.
_ANY_DAY = RunContext(as_of=datetime(2017, 12, 31))


def table_checks(contract: Contract, later: Collection[str] = ()) -> dg.AssetChecksDefinition:
    """Return the checks of a table as one step, which runs after the table and after the tables that its rules read.

    Rules that read a table in `later` are left out, because those tables are built from this one. The description of
    the checks says so.
    """
    specs = check_specs(contract, rule_parents(contract) - {contract.table})
    candidates = ((consent_spec(contract), consent_result), (newest_event_spec(contract), newest_event_result))
    others = [(spec, result) for spec, result in candidates if spec is not None]
    left_out = f"References into {', '.join(sorted(later))} are not checked: built from this table." if later else None

    @dg.multi_asset_check(
        name=contract.table.replace("/", "__") + STEP_SUFFIX,
        specs=[*specs, *(spec for spec, _ in others)],
        description=left_out,
        # Tables are built before checks are reported: the checks run in another thread meanwhile.
        op_tags={"dagster/priority": "-1"},
    )
    def inspect(
        context: dg.AssetCheckExecutionContext, run: dg.ResourceParam[PipelineRun]
    ) -> Iterator[dg.AssetCheckResult]:
        if not run.lakehouse.exists(contract.table) and contract.table not in run.fed:
            yield from absent_results(context.selected_asset_check_keys)
            return
        with own_errors_are_final():
            inspection = run.inspector.inspect(contract)
            other_results = [result(contract, run) for _, result in others]
        yield from check_results(specs, inspection)
        yield from other_results

    return inspect


def without_references(contract: Contract, tables: Collection[str]) -> Contract:
    """Return the contract without its references to the tables."""
    kept = (
        relationship
        for relationship in contract.relationships
        if table_of(relationship.target_id(contract.layer)) not in tables
    )
    return replace(contract, relationships=tuple(kept))


def rule_parents(contract: Contract) -> frozenset[str]:
    """Return the tables that the rules of the contract read, its own included where they read it."""
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
