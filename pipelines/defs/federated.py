"""Declares the assets of the models that sites train together. No refresh trains them; their own job does."""

from time import perf_counter
from typing import TYPE_CHECKING, Any

import dagster as dg

from features.definition import FeatureCatalog, read_catalog
from installation.installation import Installation
from pipelines.charts.training_chart import draw_rounds
from pipelines.defs.automation import separate_job
from pipelines.orchestration import metadata
from pipelines.orchestration.failure import own_errors_are_final
from pipelines.orchestration.metadata import asset_key
from pipelines.orchestration.pipeline_run import PipelineRun
from pipelines.release import LAYER
from pipelines.release.declaration import ModelRelease, model_releases

if TYPE_CHECKING:
    # Private: the type that the public `dg.define_asset_job` returns has no public name.
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

WHO = "bojagi federated"
"""Name of the job in the audit log."""


def model_keys() -> tuple[dg.AssetKey, ...]:
    """Return the keys of all declared models."""
    return tuple(asset_key(release.table) for release in model_releases())


def model_assets(installation: Installation) -> list[dg.AssetsDefinition]:
    """Return one asset for each declared model, which depends on the tables that its sites read.

    Raises:
        UnknownFeatureError: a declared model names no feature service of the installation.
    """
    catalog = read_catalog(installation)
    return [_model_asset(release, _tables(release, catalog)) for release in model_releases()]


def model_job() -> "UnresolvedAssetJobDefinition":
    """Return the job that trains and evaluates all models."""
    description = "Train the declared models over their sites, in this process, and evaluate them site by site."
    return separate_job("federated_training", model_keys(), description)


def model_schedule(job: "UnresolvedAssetJobDefinition", time_zone: str) -> dg.ScheduleDefinition:
    """Return the schedule: once a month. It is off until it is started, because training needs the other sites."""
    return dg.ScheduleDefinition(
        name="monthly_federated_training",
        job=job,
        cron_schedule="0 6 2 * *",
        execution_timezone=time_zone,
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description="Train the declared models on the second of the month at 06:00.",
    )


def _tables(release: ModelRelease, catalog: FeatureCatalog) -> tuple[str, ...]:
    features = (*catalog.service(release.training.service).features, *release.training.others)
    views = {catalog.view(feature.partition(":")[0]).table for feature in features}
    return tuple(sorted(views | {release.sites.table}))


def _model_asset(release: ModelRelease, tables: tuple[str, ...]) -> dg.AssetsDefinition:
    @dg.asset(
        key=asset_key(release.table),
        deps=[asset_key(table) for table in tables],
        group_name=LAYER,
        kinds={"flower"},
        description=f"{release.title}: a model that sites train together. Each round reads the customers who permit "
        f"{release.purpose} at that moment, and only {'masked ' if release.is_secure else ''}sums leave a site. A run "
        "that was stopped continues from its last complete round.",
        tags={"personal_data": "false"},
    )
    def train(context: dg.AssetExecutionContext, run: dg.ResourceParam[PipelineRun]) -> dg.MaterializeResult[Any]:
        # Here, because Flower takes half a second to import and most runs train no model.
        from pipelines.federated.report_page import metric_name, site_table, summary_lines
        from pipelines.federated.run_folder import RunFolder
        from pipelines.federated.service import FederatedService

        started = perf_counter()
        service = FederatedService(run.installation, WHO)
        with own_errors_are_final():
            found = service.run(release.name, resume=True)
            worth = service.evaluate(release.name)
        figures: dict[str, Any] = {
            "run": found.run,
            "rounds": found.rounds,
            "is_converged": found.is_converged,
            "sites": list(found.sites),
            "left_out": dg.MetadataValue.json(found.left_out),
            "sums": "masked" if found.is_secure else "plain",
            "purpose": release.purpose,
            "model": dg.MetadataValue.path(str(found.model)),
            "report": dg.MetadataValue.path(
                str(RunFolder.of(run.installation, release.name).report.with_suffix(".html"))
            ),
            "meaning": " ".join(summary_lines(worth)),
            "losing_sites": list(worth.worth.losing),
            "by_site": dg.MetadataValue.md(site_table(worth)),
            metadata.SECONDS: round(perf_counter() - started, 3),
        }
        if found.rho is not None:
            figures["rho"] = found.rho
        if curve := [point.mean for point in worth.worth.curve]:
            chart = draw_rounds(curve, f"mean {metric_name(worth)} over the sites")
            figures["curve"] = dg.MetadataValue.md(chart.to_markdown())
        return dg.MaterializeResult(metadata=figures)

    return train
