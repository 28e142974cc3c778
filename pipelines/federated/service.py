"""Trains declared models over the sites of this installation, and tells the state of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from features.repo.labelled_set import LabelledSetReader
from federated.checkpoint import Checkpoint
from federated.plan import Plan
from federated.task import round_of
from installation.installation import Installation
from pipelines.errors import TrainingError
from pipelines.federated.feature_site import FeatureSite, difference
from pipelines.federated.participant import Participants
from pipelines.federated.round_budget import RoundBudget
from pipelines.federated.run_folder import RunFolder, read_run
from pipelines.federated.site_split import SplitCustomers
from pipelines.federated.training_plan import cost_of, plan_difference, plan_of, schema_of
from pipelines.release.declaration import FOLDER, ModelRelease, model_releases
from privacy.storage.atomic_file import replace_public

if TYPE_CHECKING:
    from federated.server import RoundRecord
    from pipelines.federated.evaluation import Evaluation

Progress = Callable[["RoundRecord"], None]


@dataclass(frozen=True)
class ModelStatus:
    """What an installation has of a declared model.

    Attributes:
        name: name of the model.
        title: what it predicts.
        run: name of the newest run; empty when there is none.
        state: `untrained`, `unfinished` or `trained`.
        rounds: complete rounds of the newest run.
        rounds_max: most rounds of a run.
        is_converged: whether the task ended the run before the most rounds.
        sites: the sites of the last round.
        left_out: sites that are not in the last round's sum, with the reason.
        is_secure: whether the server saw only the sum.
        rho: privacy cost of the rounds so far; None for exact sums.
        model: the file of the newest finished model.
    """

    name: str
    title: str
    run: str
    state: str
    rounds: int
    rounds_max: int
    is_converged: bool
    sites: tuple[str, ...]
    left_out: dict[str, str]
    is_secure: bool
    rho: float | None
    model: Path | None


@dataclass(frozen=True)
class FederatedService:
    """Trains the declared models of an installation. `who` is the name in the audit log.

    `folder` holds the declarations.
    """

    installation: Installation
    who: str
    folder: Path = FOLDER

    def release(self, name: str) -> ModelRelease:
        """Return the declaration of a model.

        Raises:
            TrainingError: there is none of that name.
        """
        declared = {one.name: one for one in model_releases(self.folder)}
        if name not in declared:
            raise TrainingError(f"There is no declared model {name!r}; there are: {', '.join(declared) or 'none'}.")
        return declared[name]

    def run(self, name: str, *, resume: bool = False, progress: Progress | None = None) -> ModelStatus:
        """Train a model over the sites of this installation, in this process, and store it.

        Args:
            name: the declared model.
            resume: whether to continue a run that has not ended, from its last complete round. Without one, a new run
                starts.
            progress: called after each round.

        Raises:
            TrainingError: there is no such model, the installation has no site for it, or no site has a row.
            RunLockError: another run trains this model.
            AccessRefused: a feature does not serve the purpose.
            BudgetRefused: the ledger has not enough left for the rounds that remain. Nothing was spent.
            FederatedError: a round had too few sites. The rounds before are kept; resume the run later.
        """
        try:
            from federated.local_run import run_local
        except ModuleNotFoundError as error:
            raise TrainingError(f"Training needs {error.name}: pip install 'bojagi[federated]'.") from error

        release, folder = self.release(name), self._folder(name)
        participants = Participants(self.installation)
        with folder.locked(), self.sites(release, participants) as sites:
            plan, done = self._plan(release, sites, folder, resume=resume)
            if release.privacy is not None:
                sites[0].budget.require(cost_of(plan, plan.rounds_max - done))
            if not done:
                folder.unfinished.unlink(missing_ok=True)
                participants.begin_run(name)
            policy = {"secure-only": release.is_secure, "sites-min": release.sites_min}

            def publish_round(record: RoundRecord) -> None:
                folder.publish()
                if progress is not None:
                    progress(record)

            run_local(plan, sites, folder.unfinished, publish_round, policy)
            if not participants.has_new(name):
                folder.unfinished.unlink(missing_ok=True)
                folder.publish()
                raise TrainingError(
                    f"{name} was trained on no row, so it was not stored. Customers must permit {release.purpose}, "
                    "meet `only`, and have two month ends whose outcome is known."
                )
            folder.finish()
            participants.finish_run(name)
        return self.status(name)

    @contextmanager
    def sites(
        self, release: ModelRelease, participants: Participants | None = None, alone: str | None = None
    ) -> Iterator[list[FeatureSite]]:
        """Yield the sites of this installation for a model; they share the table, the consent record and the budget.

        Args:
            release: the model.
            participants: where it is noted whose rows were used; None notes nothing.
            alone: name under which the whole installation is one site; None takes the declared sites.

        Raises:
            ReleaseError: the declared sites cannot be made from the tables.
            FeatureError: a feature cannot be encoded.
        """
        with ExitStack() as stack:
            reader = stack.enter_context(
                LabelledSetReader(self.installation, release.training, release.purpose, self.who)
            )  # fmt: skip
            budget = RoundBudget(self.installation, release, self.who)
            if alone is not None:
                yield [FeatureSite(alone, release, reader, budget, participants)]
                return
            split = SplitCustomers(self.installation, release, self.who)
            yield [
                FeatureSite(site, release, reader, budget, participants, lambda site=site: split.of(site))  # type: ignore[misc]
                for site in split.names
            ]

    def status(self, name: str) -> ModelStatus:
        """Return what this installation has of a model.

        Raises:
            TrainingError: there is no such model, or a file of it is damaged.
        """
        release, folder = self.release(name), self._folder(name)
        model = folder.model if folder.model.exists() else None
        newest = folder.unfinished if folder.unfinished.exists() else model
        if newest is None:
            return ModelStatus(
                name, release.title, "", "untrained", 0, release.rounds, False, (), {}, release.is_secure, None, None
            )  # fmt: skip
        found = read_run(newest)
        last: dict[str, Any] = dict(found.history[-1]) if found.history else {}
        return ModelStatus(
            name=name, title=release.title, run=found.plan.run,
            state="trained" if newest == model else "unfinished",
            rounds=round_of(found.state), rounds_max=found.plan.rounds_max, is_converged=found.is_done,
            sites=tuple(last.get("sites", ())), left_out=dict(last.get("left_out", {})),
            is_secure=found.plan.is_secure, rho=rho_of(found), model=model,
        )  # fmt: skip

    def statuses(self) -> list[ModelStatus]:
        """Return the status of every declared model."""
        return [self.status(release.name) for release in model_releases(self.folder)]

    def model(self, name: str) -> Checkpoint:
        """Return the newest finished model with its plan and history.

        Raises:
            TrainingError: there is none, or its file is damaged.
        """
        self.release(name)
        return read_run(self._folder(name).model)

    def adopt(self, name: str, file: Path) -> ModelStatus:
        """Store a model that was trained with other companies as the newest finished model.

        Args:
            name: the declared model.
            file: the checkpoint of the ended run, from the server of the federation.

        Raises:
            TrainingError: the file is damaged, its run has not ended, or it was trained on another table.
            RunLockError: another run trains this model.
        """
        release, folder, found = self.release(name), self._folder(name), read_run(file)
        with LabelledSetReader(self.installation, release.training, release.purpose, self.who) as reader:
            own, other = schema_of(release, reader.columns), plan_difference(release, reader.columns, found.plan)
        if found.plan.schema != own:
            raise TrainingError(f"{file} is no model of {name}. {difference(own, found.plan.schema)}")
        if other:
            raise TrainingError(f"{file} is no model of {name} as declared here. It differs in: {', '.join(other)}.")
        if not found.is_done and round_of(found.state) < found.plan.rounds_max:
            raise TrainingError(f"{file}: the run {found.plan.run} has not ended. Wait for its end, or resume it.")
        with folder.locked():
            replace_public(folder.model, file.read_bytes(), is_durable=True)
            folder.forget_report()
        return self.status(name)

    def evaluate(self, name: str, alone: str | None = None) -> Evaluation:
        """Evaluate the newest finished model over the sites of this installation; store report.json and report.html.

        Args:
            name: the declared model.
            alone: name of this installation as one site, for a model that was trained with other companies; None
                takes the declared sites.

        Raises:
            TrainingError: there is no such model, or its run held out no customers.
            RunLockError: another run trains this model.
            FederatedError: a site cannot read its rows.
        """
        from pipelines.federated.evaluation import evaluate
        from pipelines.federated.report_page import render_page

        release, folder = self.release(name), self._folder(name)
        found = self.model(name)
        with folder.locked(), self.sites(release, alone=alone) as sites:
            result = evaluate(found, sites)
            replace_public(folder.report, result.to_json())
            replace_public(folder.report.with_suffix(".html"), render_page(result, found))
            folder.publish()
        return result

    def plan(self, name: str, sites: int) -> Plan:
        """Return the plan of a new run with other companies, for the server of the federation.

        Args:
            name: the declared model. Every site has the same declaration.
            sites: how many sites there are.

        Raises:
            TrainingError: there is no such model, or it needs more sites.
        """
        release = self.release(name)
        if sites < release.sites_min:
            raise TrainingError(
                f"{name} needs {release.sites_min} sites (`sites_min` of its declaration), got {sites}."
            )
        with LabelledSetReader(self.installation, release.training, release.purpose, self.who) as reader:
            return plan_of(release, reader.columns, _run_name(release), sites)

    def _folder(self, name: str) -> RunFolder:
        return RunFolder.of(self.installation, name)

    def _plan(
        self, release: ModelRelease, sites: Sequence[FeatureSite], folder: RunFolder, *, resume: bool
    ) -> tuple[Plan, int]:
        """Return the plan and the number of complete rounds: of the run to resume, or of a new one."""
        if len(sites) < release.sites_min:
            raise TrainingError(
                f"{release.name} needs {release.sites_min} sites; the customers of this installation make {len(sites)}"
                ". Declare other `groups` of sites, or train with other companies."
            )
        plan = plan_of(release, sites[0].reader.columns, _run_name(release), len(sites))
        if resume and folder.unfinished.exists():
            found = read_run(folder.unfinished)
            started = found.plan
            same = plan_of(release, sites[0].reader.columns, started.run, len(sites))
            if same.fingerprint != started.fingerprint:
                raise TrainingError(
                    f"The run {started.run} was started with another declaration of {release.name}. Start a new run: "
                    f"bojagi federated run {release.name}."
                )
            return started, round_of(found.state)
        return plan, 0


def _run_name(release: ModelRelease) -> str:
    return f"{release.name}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}"


def rho_of(checkpoint: Checkpoint) -> float | None:
    """Return ρ of the complete rounds of a run; None for exact sums."""
    plan = checkpoint.plan
    return None if plan.privacy is None else cost_of(plan, round_of(checkpoint.state))
