"""The assets of the releases, each with the verifier as a blocking check."""

from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import dagster as dg

from installation.contract.document import Contracts
from installation.settings import Settings
from pipelines.defs.automation import separate_job
from pipelines.orchestration import metadata
from pipelines.orchestration.failure import own_errors_are_final
from pipelines.orchestration.metadata import asset_key
from pipelines.orchestration.pipeline_run import PipelineRun
from pipelines.release import LAYER
from pipelines.release.declaration import AnonymousRelease, anonymous_releases

if TYPE_CHECKING:
    # Private: the type that the public `dg.define_asset_job` returns has no public name.
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

    from privacy.anonymity.report.release_report import ReleaseReport
    from privacy.anonymity.verify.verification import Verdict

CHECK = "anonymity"
"""Name of the check."""


def release_keys() -> tuple[dg.AssetKey, ...]:
    """Return the keys of all releases."""
    return tuple(asset_key(plan.table) for plan in anonymous_releases())


def release_assets(contracts: Contracts) -> list[dg.AssetsDefinition]:
    """Return one asset a release; a release that the contracts do not allow fails here.

    Raises:
        ReleaseError: a declared release cannot be used.
    """
    return [_asset(plan, contracts) for plan in anonymous_releases()]


def release_checks(contracts: Contracts) -> list[dg.AssetChecksDefinition]:
    """Return the blocking check of each release: the verifier reads the written table."""
    return [_check(plan, contracts) for plan in anonymous_releases()]


def release_job() -> "UnresolvedAssetJobDefinition":
    """Return the job that makes the releases. No schedule starts it: a person decides that a table is published."""
    return separate_job("release", release_keys(), "Make the published tables from the gold tables, and verify them.")


def _asset(plan: AnonymousRelease, contracts: Contracts) -> dg.AssetsDefinition:
    contract = contracts.table(plan.source)
    plan.require(contract)

    @dg.asset(
        key=asset_key(plan.table),
        deps=[asset_key(plan.source)],
        group_name=LAYER,
        kinds={"deltalake"},
        description=f"{plan.source} for {plan.recipient}: customers who permit {plan.purpose}, anonymised. A customer "
        "of an earlier version stays with the same group of customers, so that versions cannot be joined.",
        tags={"personal_data": "false"},
    )
    def release(context: dg.AssetExecutionContext, run: dg.ResourceParam[PipelineRun]) -> dg.MaterializeResult[Any]:
        # Here, because the search takes a second to import and most runs make no release.
        from pipelines.release.anonymous import publish

        started = perf_counter()
        with own_errors_are_final():
            made = publish(plan, contract, run.lakehouse, run.consent, run.installation.release_registry())
            pages = _write_report(run.settings, plan, made.report)
        figures: dict[str, Any] = {
            metadata.ROWS: made.rows,
            "customers": made.customers,
            "permitted": made.permitted,
            "waiting": made.permitted - made.rows,
            "classes": made.report.verdict.classes,
            "information_loss": round(float(made.report.utility.certainty_penalty), 4),
            "highest_risk_before": made.report.before.highest_prosecutor,
            "highest_risk_after": made.report.after.highest_prosecutor,
            "purpose": plan.purpose,
            "report": dg.MetadataValue.path(str(pages)),
            metadata.SECONDS: round(perf_counter() - started, 3),
        }
        return dg.MaterializeResult(metadata=figures)

    return release


def _check(plan: AnonymousRelease, contracts: Contracts) -> dg.AssetChecksDefinition:
    promise = f"Every class of the written table satisfies {', '.join(plan.models)}."

    @dg.asset_check(
        asset=asset_key(plan.table),
        name=CHECK,
        blocking=True,
        description=f"{promise} Every customer in it permits {plan.purpose}.",
    )
    def prove(context: dg.AssetCheckExecutionContext, run: dg.ResourceParam[PipelineRun]) -> dg.AssetCheckResult:
        from pipelines.release.anonymous import prove_release

        with own_errors_are_final():
            registry = run.installation.release_registry()
            verdict = prove_release(plan, contracts.table(plan.source), run.lakehouse, run.consent, registry)
        return _result(verdict)

    return prove


def _write_report(settings: Settings, plan: AnonymousRelease, report: "ReleaseReport") -> Path:
    """Write the information loss and the risks of the release as a page and as JSON. Both hold figures only."""
    # Here, because no run without a release needs the report to be rendered.
    from privacy.anonymity.report.document import render_json
    from privacy.anonymity.report.html_page import render_html

    page = settings.data_dir / "released" / plan.name / "report.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(render_html(report), encoding="utf-8")
    page.with_suffix(".json").write_text(render_json(report), encoding="utf-8")
    return page


def _result(verdict: "Verdict") -> dg.AssetCheckResult:
    """Return the check result of the verifier's findings. It holds counts only."""
    found = [*verdict.faults, *(f"{one.model} in class {one.group}" for one in verdict.violations[:5])]
    return dg.AssetCheckResult(
        passed=verdict.is_passed,
        severity=dg.AssetCheckSeverity.ERROR,
        description="; ".join(found) or f"All {verdict.classes} classes hold",
        metadata={name: float(value) for name, value in verdict.measured.items()},
    )
