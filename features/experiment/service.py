"""The service of experiments: creates, assigns, records, stops and reports. Commands, pages and HTTP add no rule."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from features.experiment.assignment import draw_variant
from features.experiment.definition import Experiment, read_experiment
from features.experiment.errors import ExperimentDefinitionError, ExperimentStateError, UnknownExperimentError
from features.experiment.observation import draws_of, faults_of, samples_of
from features.experiment.order_figure import ROLE, order_figures, require_orders
from features.experiment.store import FILE, STORE, ExperimentStore, Outcome, Version
from features.experiment.verdict import Observed, Verdict, judge
from features.retrieval.answer import Caller
from features.retrieval.customer_consent import CustomerConsent
from features.retrieval.moment import Moment, ShopClock
from features.store.online_store import moment_of
from installation.installation import Installation
from installation.thread_store import ThreadStores
from privacy.access.errors import AccessRefused
from privacy.audit import AuditEntry, loggable
from privacy.storage.database import is_unwritten

if TYPE_CHECKING:
    from privacy.storage.database import Place

_REREAD_SECONDS = 1.0
"""Time after which a process reads again which experiments run: a stop takes effect everywhere within it."""


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
    """The experiments of one installation. Safe under threads; `close` it after the last use."""

    def __init__(self, installation: Installation, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._installation, self._monotonic = installation, monotonic
        self._stores = ThreadStores()
        self._reading = threading.Lock()
        self._newest: tuple[float, dict[str, Version]] | None = None

    def close(self) -> None:
        """Close the connections of all threads."""
        self._stores.close()
        if "_consent" in self.__dict__:
            self._consent.close()

    def __enter__(self) -> Experiments:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def store(self) -> Iterator[ExperimentStore]:
        """Open the store for a block."""
        with closing(self._open()) as store:
            yield store

    def newest(self, *, is_read_anew: bool = False) -> list[Version]:
        """Return the newest version of each experiment, as it is now or, unless it is read anew, in the last second."""
        if is_read_anew:
            self._newest = None
        return list(self._known().values())

    def running(self, subject: str | None = None) -> list[Experiment]:
        """Return the experiments of a subject, or of all, that have started and are not stopped; see `newest`."""
        today = self._clock.now().wall_time.date()
        found = [one.experiment for one in self.newest() if not one.stopped and one.experiment.start <= today]
        return [one for one in found if subject is None or one.subject == subject]

    def create(self, text: str, caller: Caller, *, replaces: bool = False) -> Experiment:
        """Store the experiment of a YAML document; with `replaces`, as the next version of an existing one.

        Customers keep their variants. A version that changes more than the variants while customers take part leaves
        the experiment without a verdict. It is logged.

        Raises:
            ExperimentDefinitionError: the document is no definition, or names a purpose that experiments do not have.
            ExperimentStateError: the name is taken, or the experiment is stopped.
            AccessRefused: the role may not use the purpose, or orders may not be read for it.
            AuditError: it cannot be logged.
        """
        experiment = read_experiment(text)
        if experiment.purpose not in (known := self._installation.roles[ROLE].purposes):
            expected = f"{experiment.purpose!r} is no purpose of experiments; expected one of {', '.join(known)}"
            raise ExperimentDefinitionError("purpose", expected)
        self._require_purpose(experiment, caller, "create")
        if experiment.metric.source == "orders":
            require_orders(self._installation, experiment.purpose)
        with self.store() as store, store.changing():
            name = experiment.name
            earlier = store.versions(name) if name in store.names() else []
            if earlier and not replaces:
                raise ExperimentStateError(f"There is an experiment {name!r} already; choose a name, or replace it.")
            if earlier and earlier[-1].stopped:
                raise ExperimentStateError(f"The experiment {name!r} is stopped; create one of another name.")
            self._log(experiment, caller, "replace" if earlier else "create", None, None)
            store.add(experiment, len(earlier) + 1, "", self._installation.clock())
        self._newest = None
        return experiment

    def stop(self, name: str, reason: str, caller: Caller) -> None:
        """Stop an experiment: nobody gets a variant any more, and no outcome is recorded. What is known stays.

        It is logged. Other processes that give variants know it within a second.

        Raises:
            UnknownExperimentError: there is none.
            ExperimentStateError: it is stopped already.
            AccessRefused: the role may not use the purpose.
            AuditError: it cannot be logged.
        """
        with self.store() as store, store.changing():
            newest = store.versions(name)[-1]
            self._require_purpose(newest.experiment, caller, "stop")
            if newest.stopped:
                raise ExperimentStateError(f"The experiment {name!r} is stopped already: {newest.stopped}.")
            self._log(newest.experiment, caller, "stop", None, None)
            store.add(newest.experiment, newest.number + 1, reason or "stopped", self._installation.clock())
        self._newest = None

    def assign(self, name: str, customers: Sequence[str]) -> list[str | None]:
        """Return the variant of each customer, and store it for those who are new.

        None: the customer does not permit the purpose now, or is new after the last day, or the experiment has not
        started or is stopped. Nothing is stored about such a customer.

        Raises:
            UnknownExperimentError: there is none.
            ConsentError: the consent record cannot be read.
        """
        moment = self._clock.now()
        today, known = moment.wall_time.date(), self._known()
        if name not in known:
            # Another process may have created it just now.
            self._newest = None
            if name not in (known := self._known()):
                raise UnknownExperimentError(name, known)
        experiment = known[name].experiment
        if known[name].stopped or today < experiment.start:
            return [None] * len(customers)
        permitting = self._permitting(customers, experiment.purpose, moment)
        stored = self._own_store.assigned(name, permitting)
        if (new := sorted(permitting - set(stored))) and today <= experiment.last_day:
            stored |= self._draw(name, new, moment)
        return [stored.get(one) for one in customers]

    def record(self, name: str, outcomes: Iterable[Outcome]) -> int:
        """Store outcomes of assigned customers who permit the purpose now; return how many were stored.

        Outcomes of other customers, and of metrics that the experiment does not record, are dropped.

        Raises:
            UnknownExperimentError: there is none.
            ConsentError: the consent record cannot be read.
        """
        given = list(outcomes)
        with self.store() as store, store.changing():
            newest = store.versions(name)[-1]
            if newest.stopped:
                return 0
            experiment = newest.experiment
            assigned = store.assigned(name, {one.customer_id for one in given})
            permitting = self._permitting(list(assigned), experiment.purpose, self._clock.now())
            known = experiment.recorded
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
            LakehouseError: the metric is one of orders, and there are none.
        """
        moment, zone = self._clock.now(), ZoneInfo(self._installation.settings.time_zone)
        with self.store() as store:
            versions = store.versions(name)
            experiment, newest = versions[-1].experiment, versions[-1]
            self._require_purpose(experiment, caller, "report")
            assignments = store.assignments(name)
            self._consent.refresh()
            outcomes = store.sums(name, newest.at if newest.stopped else self._installation.clock())
        permitting = self._permitting([one.customer_id for one in assignments], experiment.purpose, moment)
        self._log(experiment, caller, "report", len(permitting), None)
        taking = [one for one in assignments if one.customer_id in permitting]
        ends = [moment.wall_time.date(), experiment.last_day]
        day = min([*ends, newest.at.astimezone(zone).date()] if newest.stopped else ends)
        figures = {(one, metric): value for one, metric, value, _ in outcomes}
        if experiment.metric.source == "orders" and taking:
            figures |= order_figures(self._installation, experiment, taking, day, caller.name)
        observed = Observed(
            samples=samples_of(versions, taking, figures),
            draws=draws_of(versions, assignments, zone, day),
            faults=faults_of(versions, assignments, outcomes, zone),
            day=day,
        )
        verdicts = judge(experiment, observed)
        return Report(newest, moment.wall_time, len(taking), len(assignments) - len(taking), verdicts)

    def _draw(self, name: str, customers: Sequence[str], moment: Moment) -> dict[str, str]:
        """Draw and store variants of new customers by the version of now; return what is stored."""
        with self._own_store.changing():
            newest = self._own_store.versions(name)[-1]
            if newest.stopped:
                return {}
            drawn = [(one, draw_variant(newest.experiment, one)) for one in customers]
            self._own_store.assign(name, newest.number, drawn, moment_of(moment.instant_us))
            return self._own_store.assigned(name, customers)

    def _known(self) -> dict[str, Version]:
        found, now = self._newest, self._monotonic()
        if found is not None and now - found[0] < _REREAD_SECONDS:
            return found[1]
        with self._reading:
            is_empty = is_unwritten(self._place, STORE)
            known = {} if is_empty else {one.experiment.name: one for one in self._own_store.newest()}
            self._newest = (now, known)
        return known

    @cached_property
    def _clock(self) -> ShopClock:
        return ShopClock(self._installation)

    @cached_property
    def _consent(self) -> CustomerConsent:
        return CustomerConsent(self._installation)

    @property
    def _own_store(self) -> ExperimentStore:
        return self._stores.once("experiments", self._open)

    def _open(self) -> ExperimentStore:
        return ExperimentStore(self._place)

    @property
    def _place(self) -> Place:
        return self._installation.server or self._installation.settings.data_dir / FILE

    def _permitting(self, customers: Sequence[str], purpose: str, moment: Moment) -> set[str]:
        denials = self._consent.denials(customers, purpose, moment.wall_time)
        return {one for one, denial in zip(customers, denials, strict=True) if denial is None}

    def _require_purpose(self, experiment: Experiment, caller: Caller, action: str) -> None:
        """Check that the caller may use the purpose; a refusal is logged."""
        allowed = [
            one
            for one in self._installation.roles[caller.role].purposes
            if caller.purposes is None or one in caller.purposes
        ]
        if experiment.purpose not in allowed:
            error = AccessRefused(
                f"The role {caller.role} may not {action} an experiment for {experiment.purpose}; its purposes are "
                f"{', '.join(allowed) or 'none'}."
            )
            self._log(experiment, caller, action, None, loggable(str(error), 500))
            raise error

    def _log(
        self, experiment: Experiment, caller: Caller, action: str, subjects: int | None, reason: str | None
    ) -> None:  # fmt: skip
        who, role, purpose = (loggable(name, 100) for name in (caller.name, caller.role, experiment.purpose))
        entry = AuditEntry(
            at=self._installation.clock(), who=who, role=role, purpose=purpose, action=action,
            table=f"experiment/{experiment.name}", columns=(experiment.metric.name,), subjects=subjects,
            outcome="allowed" if reason is None else "refused", reason=reason, identity=caller.identity,
        )  # fmt: skip
        self._installation.audit_log.append(entry)
