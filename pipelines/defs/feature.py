"""Declares the assets of the features: Feast's registry, and the values of each feature view in the online store."""

from time import perf_counter
from typing import Any

import dagster as dg

from features.definition import FeatureView, read_catalog
from features.repo.materialization import materialize
from features.repo.registration import is_registered
from installation.installation import Installation
from pipelines.orchestration import metadata
from pipelines.orchestration.failure import RETRY, own_errors_are_final
from pipelines.orchestration.metadata import asset_key
from pipelines.orchestration.pipeline_run import PipelineRun
from pipelines.orchestration.table_event import report_absent, report_table

GROUP = "features"
REGISTRY = "features/registry"


def feature_assets(installation: Installation) -> list[dg.AssetsDefinition]:
    """Return the asset of Feast's registry and one asset for each feature view.

    Raises:
        ContractError: a feature view or service is faulty.
    """
    return [_registry_asset(), *(_online_asset(view) for view in read_catalog(installation).views.values())]


def _registry_asset() -> dg.AssetsDefinition:
    @dg.asset(
        key=asset_key(REGISTRY),
        group_name=GROUP,
        kinds={"feast"},
        description="The feature views and services of the contracts, registered with Feast. Holds no values.",
        op_tags={"dagster/priority": "-1"},
        retry_policy=RETRY,
    )
    def apply(context: dg.AssetExecutionContext, run: dg.ResourceParam[PipelineRun]) -> dg.MaterializeResult[Any]:
        started = perf_counter()
        catalog = read_catalog(run.installation)
        found: dict[str, Any] = {"views": len(catalog.views), "services": len(catalog.services)}
        is_current = is_registered(run.installation, catalog)
        if not is_current:
            # Imported here, because Feast takes seconds to load.
            from features.repo.repository import apply_features

            with own_errors_are_final():
                report = apply_features(run.installation)
            found |= {"added": list(report.added), "changed": list(report.changed), "removed": list(report.removed)}
        found[metadata.SECONDS] = round(perf_counter() - started, 3)
        return report_table(context, found, is_current=is_current)

    return apply


def _online_asset(view: FeatureView) -> dg.AssetsDefinition:
    @dg.asset(
        key=asset_key(f"online/{view.name}"),
        deps=[asset_key(view.table)],
        group_name=GROUP,
        kinds={"feast"},
        description=f"The newest values of {view.name} in the online store. A run writes the customers that changed.",
        op_tags={"dagster/priority": "-1"},
        retry_policy=RETRY,
    )
    def write(context: dg.AssetExecutionContext, run: dg.ResourceParam[PipelineRun]) -> dg.MaterializeResult[Any]:
        started = perf_counter()
        if not run.lakehouse.exists(view.table):
            return report_absent(context, f"{view.table} has not been built.")
        with own_errors_are_final():
            (report,) = materialize(run.installation, [view.name])
        found = {
            "customers": report.customers,
            "written": report.written,
            metadata.SECONDS: round(perf_counter() - started, 3),
            metadata.NOTES: [
                f"{feature}: {count} of {report.compared} pushed values differ from those of {view.table}."
                for feature, count in report.differing.items()
            ],
            "removed": report.removed,
            "newer": report.newer,
            "pushes_compared": report.compared,
        }
        return report_table(context, found, is_current=not report.written and not report.removed)

    return write
