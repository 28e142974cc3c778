"""Fits and samples models of synthetic data: role and purpose checked, budget debited, logged, and only then fitted."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec

from installation.errors import SettingsError
from installation.installation import Installation
from pipelines.synthetic.model_folder import ModelFolder
from pipelines.synthetic.person_split import Rows, split
from pipelines.synthetic.source import FileForm, FileSource, Source, TableForm, TableSource
from privacy.access.plan import require_role
from privacy.clock import utc_now
from privacy.dp.cost import Cost
from privacy.dp.ledger_answer import Answered
from privacy.dp.trail import Trail
from privacy.errors import PrivacyError
from privacy.synthetic.errors import DamagedModel
from privacy.synthetic.event.specification import EventSpecification
from privacy.synthetic.fit import (
    AnySpecification,
    FitRecord,
    FitSetting,
    cost_of,
    fit_history,
    fit_table,
    question_of,
)
from privacy.synthetic.model_file import Model, load_model
from privacy.synthetic.synthesizer import Progress, no_progress


@dataclass(frozen=True)
class Fitted:
    """A model, the ledger's record of its fit, and the source of its rows. `is_stored`: it was not fitted now."""

    model: Model
    record: FitRecord
    source: Source
    is_stored: bool


@dataclass(frozen=True)
class _FitAsked:
    """A fit, as the audit log records it."""

    dataset: str
    purpose: str
    names: frozenset[str]

    def columns(self) -> frozenset[str]:
        return self.names


@dataclass(frozen=True)
class SyntheticService:
    """Fits models on tables of the lakehouse and on files, for one user in one role. `now` is the ledger's moment."""

    installation: Installation
    who: str
    role: str

    def cost(self, source: Source) -> Cost:
        """Return the cost of a fit. Nothing is spent."""
        return cost_of(source.specification)

    def balances(self, source: Source) -> dict[str, float]:
        """Return the remaining ρ, by period, of the account that is charged."""
        return {one.period: one.left.rho for one in self.installation.ledger.balances(source.account, utc_now())}

    def fit(
        self, source: Source, folder: ModelFolder, progress: Progress = no_progress, now: datetime | None = None
    ) -> Fitted:
        """Return the model of the source's rows, without the people who are held out; it is saved in the folder.

        The same specification and scope return the stored model and cost nothing.

        Guarantee: (ε, δ)-DP of the specification for neighbours that differ in all rows of one person.

        Raises:
            PrivacyError: the role may not state the purpose, the budget does not suffice, or the log cannot be written.
            SettingsError: a file cannot be read, or a package is missing. Nothing was spent.
            DamagedModel: the stored model of this fit was changed or is missing.
        """
        moment = now or utc_now()
        form, ledger = source.form, self.installation.ledger
        trail = Trail(self.installation.audit_log, self.who, utc_now, self.role)
        asked = _FitAsked(source.account.dataset, source.account.purpose, _columns(source))
        question = question_of(source.specification, form.scope)
        trail.require_paid(ledger)
        try:
            self._require_role(form)
            stored = ledger.peek(source.account, question)
            if stored is not None:
                trail.note_repeat(asked, stored)
                return self._stored(source, folder, stored)
            _require_packages()
            # Checks the budget before the rows are read, because a refusal afterwards would waste the reading.
            ledger.require(source.account, cost_of(source.specification), moment)
            learned, _ = self._split(source)
        except PrivacyError as error:
            trail.note_refusal(asked, error.message)
            raise

        setting = FitSetting(
            ledger, source.account, form.scope, folder.model, self.installation.synthetic_key, moment,
            lambda granted: trail.note(asked, granted),
        )  # fmt: skip
        model, record = _fit(learned, source.specification, setting, progress)
        folder.save_form(form)
        return Fitted(model, record, source, is_stored=False)

    def open(self, folder: ModelFolder) -> Fitted:
        """Return a saved model, with its record in the ledger and the domain that its contract states now.

        Raises:
            SettingsError: there is no such model.
            DamagedModel: the file was changed, or the ledger has no record of its fit.
        """
        form = folder.form()
        model = load_model(folder.model, self.installation.synthetic_key)
        source = self.source_of(form, model)
        question = question_of(model.specification, form.scope)
        stored = self.installation.ledger.peek(source.account, question)
        if stored is None:
            raise DamagedModel(f"the ledger has no fit of the model {folder.name}; fit it again")
        return self._stored(source, folder, stored)

    def rows(self, source: Source) -> tuple[Rows, Rows]:
        """Return the rows that a fit of this source learns from, and those that are held out."""
        return self._split(source)

    def source_of(self, form: FileForm | TableForm, model: Model) -> Source:
        """Return the source that a model's folder records."""
        if isinstance(form, FileForm):
            return FileSource(model.specification, form)
        place = self.installation
        return TableSource.of(form.request, form.scope, place.contracts, place.lakehouse, place.consent_view)

    def _stored(self, source: Source, folder: ModelFolder, stored: Answered) -> Fitted:
        record = FitRecord(**json.loads(stored.answer))
        model = load_model(folder.model, self.installation.synthetic_key, record.model)
        return Fitted(model, record, source, is_stored=True)

    def _require_role(self, form: FileForm | TableForm) -> None:
        """Check the role for tables; a file is the caller's own."""
        if isinstance(form, TableForm):
            place = self.installation
            for table in form.request.sources:
                require_role(table, self.role, form.request.purpose, place.roles, place.policy)

    def _split(self, source: Source) -> tuple[Rows, Rows]:
        rows = source.read()
        if rows.people.num_rows == 0:
            raise SettingsError(f"{source.account.dataset} has no row that may be used for {source.account.purpose}")
        return split(rows, self.installation.synthetic_key, source.account.dataset)


def _fit(
    learned: Rows, specification: AnySpecification, setting: FitSetting, progress: Progress
) -> tuple[Model, FitRecord]:
    if isinstance(specification, EventSpecification):
        assert learned.events is not None
        return fit_history(learned.people, learned.events, specification, setting, progress)
    return fit_table(learned.people, specification, setting, progress)


def _columns(source: Source) -> frozenset[str]:
    spec = source.specification
    names = spec.people if isinstance(spec, EventSpecification) else spec.columns
    events = (
        source.form.request.events.columns if isinstance(source.form, TableForm) and source.form.request.events else ()
    )
    return frozenset({*names, *events, *((spec.unit,) if spec.unit else ())})


def _require_packages() -> None:
    if find_spec("mbi") is None:
        raise SettingsError("private models need the packages mbi and jax: pip install 'bojagi[synthetic]'")
