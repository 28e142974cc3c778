"""The assets of the synthetic releases, with the release gate as a blocking check."""

from collections.abc import Iterator
from time import perf_counter
from typing import TYPE_CHECKING, Any

import dagster as dg

from installation.contract.document import Contracts
from pipelines.defs.automation import separate_job
from pipelines.orchestration import metadata
from pipelines.orchestration.failure import own_errors_are_final
from pipelines.orchestration.metadata import asset_key
from pipelines.orchestration.metadata_table import table_value
from pipelines.orchestration.pipeline_run import PipelineRun
from pipelines.release import LAYER
from pipelines.release.declaration import SyntheticRelease, synthetic_releases

if TYPE_CHECKING:
    # Private: the type that the public `dg.define_asset_job` returns has no public name.
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

    from pipelines.release.synthetic import Published
    from pipelines.synthetic.service import SyntheticService

CHECK = "release_gate"
"""Name of the check of every published table."""
JOB = "synthetic"


def synthetic_keys() -> tuple[dg.AssetKey, ...]:
    """Return the keys of all tables of synthetic releases."""
    return tuple(asset_key(table) for plan in synthetic_releases() for table in plan.tables)


def synthetic_assets(contracts: Contracts) -> list[dg.AssetsDefinition]:
    """Return the assets of each release; a release that the contracts do not allow fails here.

    Raises:
        ReleaseError, BadSpecification: a declared release cannot be used.
    """
    return [_assets(plan, contracts) for plan in synthetic_releases()]


def synthetic_checks() -> list[dg.AssetChecksDefinition]:
    """Return the blocking checks: what was written is what the sealed model draws, and the gate is open for it."""
    return [_checks(plan) for plan in synthetic_releases()]


def synthetic_job() -> "UnresolvedAssetJobDefinition":
    """Return the job that makes the synthetic releases. No schedule starts it: each fit spends privacy budget."""
    description = "Fit private models, judge their rows, and publish those that the release gate lets pass."
    return separate_job(JOB, synthetic_keys(), description)


def _assets(plan: SyntheticRelease, contracts: Contracts) -> dg.AssetsDefinition:
    plan.require(contracts)
    specs = [
        dg.AssetSpec(
            asset_key(table),
            deps=[asset_key(source) for source in plan.all_sources],
            group_name=LAYER,
            kinds={"deltalake"},
            description=_describe(plan, is_event=number > 0),
            tags={"personal_data": "false", "synthetic": "true"},
        )
        for number, table in enumerate(plan.tables)
    ]

    @dg.multi_asset(name=f"{LAYER}__{plan.name}", specs=specs)
    def release(
        context: dg.AssetExecutionContext, run: dg.ResourceParam[PipelineRun]
    ) -> Iterator[dg.MaterializeResult[Any]]:
        # Here, because the fit takes seconds to import and most runs make no release.
        from pipelines.release.synthetic import publish

        started = perf_counter()
        with own_errors_are_final():
            made = publish(plan, _service(run), lambda stage, done: context.log.info(f"{done:.0%} {stage}"))
        shared = _metadata(plan, run, made) | {metadata.SECONDS: round(perf_counter() - started, 3)}
        for number, table in enumerate(plan.tables):
            figures = {
                metadata.ROWS: made.rows[table],
                metadata.LINEAGE: _lineage(plan, is_event=number > 0),
                **(shared if number == 0 else {}),
            }
            yield dg.MaterializeResult(asset_key=asset_key(table), metadata=figures)

    return release


def _checks(plan: SyntheticRelease) -> dg.AssetChecksDefinition:
    promise = (
        "The written rows are what the sealed model draws. Its noise costs no more than the ledger debited, its domain "
        f"is that of the contract, and no attack learns more than the gate allows. Purpose: {plan.purpose}."
    )
    keys = [asset_key(table) for table in plan.tables]
    specs = [dg.AssetCheckSpec(CHECK, asset=key, blocking=True, description=promise) for key in keys]

    @dg.multi_asset_check(name=f"{CHECK}__{plan.name}", specs=specs)
    def prove_release(
        context: dg.AssetCheckExecutionContext, run: dg.ResourceParam[PipelineRun]
    ) -> Iterator[dg.AssetCheckResult]:
        from pipelines.release.synthetic import prove

        with own_errors_are_final():
            checks = prove(plan, _service(run))
        failed = [f"{one.name}: {one.detail}" for one in checks if not one.is_passed]
        for key in keys:
            yield dg.AssetCheckResult(
                passed=not failed,
                check_name=CHECK,
                asset_key=key,
                severity=dg.AssetCheckSeverity.ERROR,
                description="; ".join(failed) or f"All {len(checks)} checks hold",
            )

    return prove_release


def _service(run: PipelineRun) -> "SyntheticService":
    from pipelines.synthetic.service import SyntheticService

    return SyntheticService(run.installation, "bojagi synthetic", "analyst")


def _describe(plan: SyntheticRelease, *, is_event: bool) -> str:
    rows = "Events of synthetic customers" if is_event else f"Synthetic rows of {plan.source}"
    return (
        f"{rows} for {plan.recipient}: nobody in it exists. Learned from customers who permit {plan.purpose}, with "
        f"({plan.epsilon:g}, {plan.delta:g})-differential privacy for all rows of one customer."
    )


def _metadata(plan: SyntheticRelease, run: PipelineRun, made: "Published") -> dict[str, Any]:
    """Return the figures of a release. They are about the fit and the gate, and hold no row."""
    from pipelines.synthetic.model_folder import ModelFolder

    checks = [(one.name, "passed" if one.is_passed else "FAILED", one.detail) for one in made.judgement.gate.checks]
    scores = [(one.title, _figure(one.synthetic), _figure(one.holdout), _figure(one.independent))
              for one in made.judgement.report.scores]  # fmt: skip
    guarantee, sides = made.fitted.model.guarantee, made.judgement.sides
    return {
        "customers": sides.customers,
        "permitted": sides.permitted,
        "learned_from": sides.learned.permitted,
        "held_out": sides.held_out.permitted,
        "epsilon": guarantee.epsilon,
        "delta": guarantee.delta,
        "rho": made.fitted.record.nano_rho / 1e9,
        "ledger_entry": made.fitted.record.debit,
        "is_stored_model": made.fitted.is_stored,
        "guarantee": guarantee.statement,
        "scores": table_value(("score", "synthetic", "real hold-out", "independent columns"), scores),
        "gate": table_value(("check", "result", "finding"), checks),
        "budget_left": dg.MetadataValue.json(made.balances),
        "purpose": plan.purpose,
        "report": dg.MetadataValue.path(str(ModelFolder.of_release(run.settings, plan.name).report)),
    }


def _figure(value: float | None) -> str | None:
    return None if value is None else f"{value:.4g}"


def _lineage(plan: SyntheticRelease, *, is_event: bool) -> dg.TableColumnLineage:
    """Return the column of the source that each synthetic column was learned from. Synthetic ids have none."""
    source, columns = plan.source, tuple(plan.columns)
    if is_event:
        assert plan.events is not None
        names = {plan.events.time, plan.events.item, *plan.events.numbers, *plan.events.order_columns}
        source, columns = plan.events.source, tuple(sorted(names))
    return dg.TableColumnLineage(
        {name: [dg.TableColumnDep(asset_key=asset_key(source), column_name=name)] for name in columns}
    )
