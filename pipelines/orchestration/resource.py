"""The Dagster resource of a run. Assets and checks take it as `run: dg.ResourceParam[PipelineRun]`."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import dagster as dg

from installation.installation import Installation
from installation.lakehouse_claim import lakehouse_lease
from pipelines.ingest.lock import run_lock
from pipelines.orchestration.instance import fail_orphaned_runs
from pipelines.orchestration.pipeline_run import OpenEngine, PipelineRun, open_run


class PipelineRunResource(dg.ConfigurableResource[PipelineRun]):
    """Opens a `PipelineRun` for the assets and checks of one Dagster run, under the lock of the data folder.

    One resource and not one for each object: they depend on each other and must be opened once a run, but Dagster
    opens a nested resource again for each resource that contains it.
    """

    installation: dg.ResourceDependency[Installation]
    open_engine: dg.ResourceDependency[OpenEngine]
    is_locked: bool = False
    """Whether this process holds the lock of the data folder already, as `bojagi run` does from its start."""

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[PipelineRun]:
        """Lock the data folder, mark runs of killed processes as failed, open the engine and give the run.

        Raises:
            RunLockError: another run holds the lock.
            LakehouseError: another machine works in the lakehouse, or it belongs to another installation.
            SecretError, ProtectionError: a secret or the key store cannot be used.
            EngineError: the engine cannot be opened.
        """
        run_id = context.run.run_id if context.run else "no_run"
        with ExitStack() as stack:
            if not self.is_locked:
                stack.enter_context(run_lock(self.installation.settings.data_dir, admits_loads=True))
            # After the lock, which is faster: runs of this machine wait for each other there.
            stack.enter_context(lakehouse_lease(self.installation))
            if context.instance:
                fail_orphaned_runs(context.instance, run_id)
            with open_run(run_id, self.installation, self.open_engine) as run:
                yield run
