"""The assets of the releases, each with the verifier as a blocking check."""

from time import perf_counter
from typing import Any

import dagster as dg

from pipelines.contracts.document import Contracts
from pipelines.defs import metadata
from pipelines.defs.failure import own_errors_are_final
from pipelines.defs.metadata import asset_key
from pipelines.release.plan import Plan, load_plans
from pipelines.release.publish import prove_release, publish
from privacy.anonymity.verify import Verdict

CHECK = "anonymity"
"""Name of the check."""


def release_keys() -> tuple[dg.AssetKey, ...]:
    """Return the keys of all releases."""
    return tuple(asset_key(plan.table) for plan in load_plans())


def release_assets(contracts: Contracts) -> list[dg.AssetsDefinition]:
    """Return one asset a release; a release that the contracts do not allow fails here.

    Raises:
        ReleaseError: a declared release cannot be used.
    """
    return [_asset(plan, contracts) for plan in load_plans()]


def release_checks(contracts: Contracts) -> list[dg.AssetChecksDefinition]:
    """Return the blocking check of each release: the verifier reads the written table."""
    return [_check(plan, contracts) for plan in load_plans()]


def _asset(plan: Plan, contracts: Contracts) -> dg.AssetsDefinition:
    contract = contracts.table(plan.source)
    plan.require(contract)

    @dg.asset(
        key=asset_key(plan.table),
        deps=[asset_key(plan.source)],
        group_name="anonymised_release",
        kinds={"deltalake"},
        description=f"{plan.source} for {plan.recipient}: those who permit {plan.purpose}, anonymised.",
        required_resource_keys={"lock", "lakehouse", "consent"},
    )
    def release(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        held, started = context.resources, perf_counter()
        with own_errors_are_final():
            made = publish(plan, contract, held.lakehouse, held.consent())
        figures = {"customers": made.customers, "classes": made.classes, "information_loss": round(made.loss, 5)}
        seconds = {metadata.SECONDS: round(perf_counter() - started, 3)}
        return dg.MaterializeResult(metadata={metadata.ROWS: made.rows, **figures, **seconds, "purpose": plan.purpose})

    return release


def _check(plan: Plan, contracts: Contracts) -> dg.AssetChecksDefinition:
    told = f"Every class of the written table satisfies {', '.join(model.name for model in plan.spec.models)}."

    @dg.asset_check(
        asset=asset_key(plan.table),
        name=CHECK,
        blocking=True,
        description=f"{told} Nobody is in it who does not permit {plan.purpose}.",
        required_resource_keys={"lakehouse", "consent"},
    )
    def prove(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        held = context.resources
        with own_errors_are_final():
            verdict = prove_release(plan, contracts.table(plan.source), held.lakehouse, held.consent())
        return _result(verdict)

    return prove


def _result(verdict: Verdict) -> dg.AssetCheckResult:
    """Return what the verifier found. Counts only."""
    found = [*verdict.faults, *(f"{one.model} in class {one.group}" for one in verdict.violations[:5])]
    return dg.AssetCheckResult(
        passed=verdict.is_passed,
        severity=dg.AssetCheckSeverity.ERROR,
        description="; ".join(found) or f"All {verdict.classes} classes hold",
        metadata={name: float(value) for name, value in verdict.measured.items()},
    )
