"""Declares the check of each source's landed files, which makes the run unsuccessful when a load has faults.

It does not block: the tables below are built from the rows that could be loaded. Dagster calls a run successful whose
checks that do not block have failed. So the step of this check fails after it has reported its result. No other step
needs it, and all of them finish.
"""

from collections.abc import Iterator

import dagster as dg

from installation.contract.document import Contract
from pipelines.orchestration.failure import ERROR_KIND, own_errors_are_final
from pipelines.orchestration.landing_result import CHECK, STEP_SUFFIX, landing_result
from pipelines.orchestration.metadata import asset_key
from pipelines.orchestration.pipeline_run import PipelineRun


def landing_check(contract: Contract) -> dg.AssetChecksDefinition:
    """Return the check of a source's landed files. The contract must name files."""
    assert contract.file is not None
    limit = f"{contract.file.quarantine_limit:g} %"

    @dg.multi_asset_check(
        name=contract.table.replace("/", "__") + STEP_SUFFIX,
        specs=[
            dg.AssetCheckSpec(
                CHECK,
                asset=asset_key(contract.table),
                description=f"No landed file is refused, and at most {limit} of the rows of the newest load are in "
                "quarantine. Fewer quarantined rows, and columns that differ from the contract, are a warning.",
            )
        ],
        op_tags={"dagster/priority": "-1"},
    )
    def judge(
        context: dg.AssetCheckExecutionContext, run: dg.ResourceParam[PipelineRun]
    ) -> Iterator[dg.AssetCheckResult]:
        with own_errors_are_final():
            verdict = run.verdict(contract)
        yield landing_result(asset_key(contract.table), verdict)
        if verdict.faults:
            text = f"{contract.table}: {'; '.join(verdict.faults)}"
            raise dg.Failure(text, metadata={ERROR_KIND: "LoadVerdict"}, allow_retries=False)

    return judge
