"""The service of experiments: creates, assigns, records, stops and reports. Commands and HTTP add no rule."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np

from features.experiment.assignment import draw_variant
from features.experiment.definition import Experiment, read_experiment
from features.experiment.errors import ExperimentDefinitionError, ExperimentStateError
from features.experiment.store import FILE, Assigned, ExperimentStore, Outcome, Version
from features.experiment.verdict import Observed, Sample, Verdict, judge
from features.retrieval.answer import Caller
from features.retrieval.customer_consent import CustomerConsent
from features.retrieval.moment import ShopClock
from installation.installation import Installation
from privacy.access.errors import AccessRefused
from privacy.audit import AuditEntry, loggable


@dataclass(frozen=True)
class Report:
    """A look at an experiment.

    Attributes:
        version: its newest version.
        at: the shop's wall time of the look.
        taking_part: customers who are assigned and permit the purpose now.
        left_out: assigned customers who do not permit it any more.
        verdicts: one for each treatment.
    """

    version: Version
    at: datetime
    taking_part: int
    left_out: int
    verdicts: tuple[Verdict, ...]


class Experiments:
    """The experiments of one installation."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation

    @contextmanager
    def store(self) -> Iterator[ExperimentStore]:
        """Open the store for a block."""
        place = self._installation.server or self._installation.settings.data_dir / FILE
        with closing(ExperimentStore(place)) as store:
            yield store

    def create(self, text: str, *, replaces: bool = False) -> Experiment:
        """Store the experiment of a YAML document; with `replaces`, as the next version of an existing one.

        Customers keep their variants. A version that changes more than the variants while customers take part leaves
        the experiment without a verdict.

        Raises:
            ExperimentDefinitionError: the document is no definition, or names an unknown purpose.
            ExperimentStateError: the name is taken, or the experiment is stopped.
        """
        experiment = read_experiment(text)
        if experiment.purpose not in (known := self._installation.policy.purposes):
            expected = f"{experiment.purpose!r} is no purpose; expected one of {', '.join(known)}"
            raise ExperimentDefinitionError("purpose", expected)
        with self.store() as store, store.changing():
            name = experiment.name
            earlier = store.versions(name) if name in store.names() else []
            if earlier and not replaces:
                raise ExperimentStateError(f"There is an experiment {name!r} already; choose a name, or replace it.")
            if earlier and earlier[-1].stopped:
                raise ExperimentStateError(f"The experiment {name!r} is stopped; create one of another name.")
            store.add(experiment, len(earlier) + 1, "", self._installation.clock())
        return experiment

    def stop(self, name: str, reason: str) -> None:
        """Stop an experiment: nobody gets a variant any more, and no outcome is recorded. What is known stays.

        Raises:
            UnknownExperimentError: there is none.
            ExperimentStateError: it is stopped already.
        """
        with self.store() as store, store.changing():
            newest = store.versions(name)[-1]
            if newest.stopped:
                raise ExperimentStateError(f"The experiment {name!r} is stopped already: {newest.stopped}.")
            store.add(newest.experiment, newest.number + 1, reason, self._installation.clock())

    def assign(self, name: str, customers: Sequence[str]) -> list[str | None]:
        """Return the variant of each customer, and store it for those who are new.

        None: the customer does not permit the purpose now, or the experiment has not started or is stopped. Nothing is
        stored about such a customer.

        Raises:
            UnknownExperimentError: there is none.
            ConsentError: the consent record cannot be read.
        """
        moment = ShopClock(self._installation).now()
        with self.store() as store:
            newest = store.versions(name)[-1]
            experiment = newest.experiment
            if newest.stopped or moment.wall_time.date() < experiment.start:
                return [None] * len(customers)
            permitting = self._permitting(customers, experiment.purpose, moment.wall_time)
            stored = store.assigned(name, permitting)
            new = sorted(permitting - set(stored))
            if new:
                with store.changing():
                    drawn = [(one, draw_variant(experiment, one)) for one in new]
                    store.assign(name, newest.number, drawn, self._installation.clock())
                    stored = store.assigned(name, permitting)
        return [stored.get(one) for one in customers]

    def record(self, name: str, outcomes: Iterable[Outcome]) -> int:
        """Store outcomes of assigned customers who permit the purpose now; return how many were stored.

        Outcomes of other customers, and of metrics that the experiment does not declare, are dropped.

        Raises:
            UnknownExperimentError: there is none.
            ConsentError: the consent record cannot be read.
        """
        given = list(outcomes)
        moment = ShopClock(self._installation).now()
        with self.store() as store, store.changing():
            newest = store.versions(name)[-1]
            if newest.stopped:
                return 0
            experiment = newest.experiment
            known = {experiment.metric.name, experiment.metric.before, *(one.name for one in experiment.guardrails)}
            assigned = store.assigned(name, {one.customer_id for one in given})
            permitting = self._permitting(list(assigned), experiment.purpose, moment.wall_time)
            kept = [o for o in given if o.customer_id in permitting and o.metric in known and np.isfinite(o.value)]
            store.record(name, kept)
        return len(kept)

    def report(self, name: str, caller: Caller) -> Report:
        """Return what the experiment says now, about customers who permit the purpose now; the read is logged.

        Raises:
            UnknownExperimentError: there is none.
            AccessRefused: the role may not use the purpose.
            ConsentError: the consent record cannot be read.
            AuditError: the read cannot be logged.
        """
        moment = ShopClock(self._installation).now()
        with self.store() as store:
            versions = store.versions(name)
            experiment = versions[-1].experiment
            try:
                self._require_purpose(experiment.purpose, caller)
            except AccessRefused as error:
                self._log(experiment, caller, None, loggable(str(error), 500))
                raise
            assignments = store.assignments(name)
            until = versions[-1].at if versions[-1].stopped else self._installation.clock()
            sums = store.sums(name, until)
        permitting = self._permitting([one.customer_id for one in assignments], experiment.purpose, moment.wall_time)
        self._log(experiment, caller, len(permitting), None)
        taking = [one for one in assignments if one.customer_id in permitting]
        figures = {(one, metric): value for one, metric, value, _ in sums}
        observed = Observed(
            samples=_samples(versions, taking, figures),
            sizes=_sizes(versions, assignments),
            faults=self._faults(versions, assignments, sums),
            day=min(moment.wall_time.date(), experiment.last_day),
        )
        verdicts = judge(experiment, observed)
        return Report(versions[-1], moment.wall_time, len(taking), len(assignments) - len(taking), verdicts)

    def _faults(
        self,
        versions: Sequence[Version],
        assignments: Sequence[Assigned],
        sums: Sequence[tuple[str, str, float, datetime]],
    ) -> list[str]:
        experiment = versions[-1].experiment
        faults = []
        first = min((one.number for one in assignments), default=len(versions))
        if any(one.experiment.plan != experiment.plan for one in versions[first - 1 :]):
            faults.append("the metric or the plan was changed while customers took part")
        served = {(one.name, one.version) for v in versions[first - 1 :] for one in v.experiment.variants}
        if len({name for name, _ in served}) < len(served):
            faults.append("a variant was given another version while customers took part")
        zone = ZoneInfo(self._installation.settings.time_zone)
        before = [at for _, metric, _, at in sums if metric == experiment.metric.before]
        if any(at.astimezone(zone).date() >= experiment.start for at in before):
            faults.append("overlapping pre-period: figures of the time before are from days of the experiment")
        return faults

    def _permitting(self, customers: Sequence[str], purpose: str, at: datetime) -> set[str]:
        with closing(CustomerConsent(self._installation)) as consent:
            denials = consent.denials(customers, purpose, at)
        return {one for one, denial in zip(customers, denials, strict=True) if denial is None}

    def _require_purpose(self, purpose: str, caller: Caller) -> None:
        allowed = [
            one
            for one in self._installation.roles[caller.role].purposes
            if caller.purposes is None or one in caller.purposes
        ]
        if purpose not in allowed:
            raise AccessRefused(
                f"The role {caller.role} may not evaluate an experiment for {purpose}; its purposes are "
                f"{', '.join(allowed) or 'none'}."
            )

    def _log(self, experiment: Experiment, caller: Caller, subjects: int | None, reason: str | None) -> None:
        who, role, purpose = (loggable(name, 100) for name in (caller.name, caller.role, experiment.purpose))
        entry = AuditEntry(
            at=self._installation.clock(), who=who, role=role, purpose=purpose, action="report",
            table=f"experiment/{experiment.name}", columns=(experiment.metric.name,), subjects=subjects,
            outcome="allowed" if reason is None else "refused", reason=reason, identity=caller.identity,
        )  # fmt: skip
        self._installation.audit_log.append(entry)


def _samples(
    versions: Sequence[Version], taking: Sequence[Assigned], figures: dict[tuple[str, str], float]
) -> dict[str, tuple[Sample, Sample]]:
    """Return control and treatment of each treatment.

    Both are of the versions that divide them as the newest does: in others their customers came at other times.
    """
    experiment = versions[-1].experiment
    control, *treatments = (one.name for one in experiment.variants)
    pairs = {}
    for treatment in treatments:
        odds = _odds(experiment, control, treatment)
        numbers = {v.number for v in versions if math.isclose(_odds(v.experiment, control, treatment), odds)}
        both = (
            [one for one in taking if one.variant == name and one.number in numbers] for name in (control, treatment)
        )
        first, second = (_sample(experiment, rows, figures) for rows in both)
        pairs[treatment] = (first, second)
    return pairs


def _odds(experiment: Experiment, control: str, treatment: str) -> float:
    """Return the share of the treatment divided by that of the control; 0 if there is one without the other."""
    shares = {one.name: one.share for one in experiment.variants}
    return shares.get(treatment, 0.0) / shares[control] if control in shares else 0.0


def _sample(experiment: Experiment, rows: Sequence[Assigned], figures: dict[tuple[str, str], float]) -> Sample:
    def column(metric: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.array([figures.get((one.customer_id, metric), 0.0) for one in rows], np.float64)

    before = experiment.metric.before
    return Sample(
        column(experiment.metric.name),
        None if before is None else column(before),
        {one.name: column(one.name) for one in experiment.guardrails},
    )


def _sizes(versions: Sequence[Version], assignments: Sequence[Assigned]) -> list[tuple[list[int], list[float]]]:
    sizes = []
    for version in versions:
        variants = version.experiment.variants
        drawn = [one.variant for one in assignments if one.number == version.number]
        if drawn:
            sizes.append(([drawn.count(one.name) for one in variants], [one.share for one in variants]))
    return sizes
