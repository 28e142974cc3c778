"""Fits and samples models of synthetic data: role and purpose checked, budget debited, logged, and only then fitted."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from installation.errors import SettingsError
from installation.installation import Installation
from pipelines.synthetic.model_folder import ModelFolder, Saved
from pipelines.synthetic.person_split import Rows, Sides, split
from pipelines.synthetic.source import FileForm, FileSource, Source, TableForm, TableSource, event_types, people_types
from privacy.access.plan import require_role
from privacy.clock import utc_now
from privacy.dp.budget_account import BudgetAccount
from privacy.dp.ledger_answer import Answered
from privacy.dp.trail import Trail
from privacy.errors import PrivacyError
from privacy.storage.lock import file_lock
from privacy.synthetic.errors import DamagedModel
from privacy.synthetic.estimate import Estimate, estimate_history, estimate_table
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

_LOCK_SECONDS = 3600.0
"""How long a fit waits for the same fit on another machine."""


@dataclass(frozen=True)
class Fitted:
    """A model, and the ledger's record of its fit. `is_stored`: it was not fitted now."""

    model: Model
    record: FitRecord
    is_stored: bool


@dataclass(frozen=True)
class _FitAsked:
    """A fit or a report, as the audit log records it."""

    dataset: str
    purpose: str
    names: frozenset[str]

    def columns(self) -> frozenset[str]:
        return self.names


@dataclass(frozen=True)
class SyntheticService:
    """Fits models on tables of the lakehouse and on files, for one user in one role."""

    installation: Installation
    who: str
    role: str

    def estimate(self, source: Source) -> Estimate:
        """Return the time, memory and budget that a fit will take. Nothing is spent.

        Raises:
            BadSpecification: there are too many columns.
        """
        people, events = source.size()
        spec = source.specification
        if isinstance(spec, EventSpecification):
            return estimate_history(spec, people, events)
        return estimate_table(spec, people)

    def balances(self, source: Source) -> dict[str, float]:
        """Return the remaining ρ, by period, of the account that is charged."""
        return {one.period: one.left.rho for one in self.installation.ledger.balances(source.account, utc_now())}

    def fit(
        self, source: Source, folder: ModelFolder, progress: Progress = no_progress, *, again: bool = False
    ) -> Fitted:
        """Return the model of the source's rows, without the people who are held out; the folder records it.

        The same specification and scope return the stored model and cost nothing, unless `again` is set, which helps
        when the stored file is lost.

        Guarantee: (ε, δ)-DP of the specification for neighbours that differ in all rows of one person.

        Raises:
            PrivacyError: the role may not state the purpose, the budget does not suffice, or the log cannot be written.
            SettingsError: a file cannot be read, or a package is missing. Nothing was spent.
            DamagedModel: the stored model of this fit was changed or is missing.
        """
        shared = self.installation.shared_files
        shared.fetch(folder.path)
        source = _scoped(source, folder, again)
        question = question_of(source.specification, source.form.scope)
        file = self._file(source.account, question)
        file.parent.mkdir(parents=True, exist_ok=True)
        # The same fit in two processes would pay twice, and the later model would overwrite the recorded one.
        with file_lock(file.with_suffix(".lock")), shared.locked(file, _LOCK_SECONDS):
            fitted = self._fitted(source, question, progress)
            shared.publish(file)
        folder.save(Saved(form=source.form, account=str(source.account), question=question))
        shared.publish(folder.path)
        return fitted

    def _fitted(self, source: Source, question: str, progress: Progress) -> Fitted:
        spec, account, ledger = source.specification, source.account, self.installation.ledger
        trail, asked = self._trail, _asked(source)
        trail.require_paid(ledger)
        try:
            self._require_role(source.form)
            stored = ledger.peek(account, question)
            if stored is None:
                _require_packages()
                # Checks the budget before the rows are read, because a refusal afterwards would waste the reading.
                ledger.require(account, cost_of(spec), utc_now())
                learned = self.sides(source).learned
        except PrivacyError as error:
            trail.note_refusal(asked, error.message)
            raise
        if stored is not None:
            trail.note_repeat(asked, stored)
            return self._load(account, question, stored)
        setting = FitSetting(
            ledger, account, source.form.scope, self._file(account, question), self.installation.synthetic_key,
            utc_now(), lambda granted: trail.note(asked, granted),
        )  # fmt: skip
        return Fitted(*_fit(learned, spec, setting, progress), is_stored=False)

    def open(self, folder: ModelFolder) -> Fitted:
        """Return a saved model, with its record in the ledger.

        Raises:
            SettingsError: there is no such model.
            DamagedModel: the file was changed or is missing, or the ledger has no record of its fit.
        """
        self.installation.shared_files.fetch(folder.path)
        saved = folder.saved()
        account = BudgetAccount(*saved.account.split("|"))
        stored = self.installation.ledger.peek(account, saved.question)
        if stored is None:
            raise DamagedModel(f"the ledger has no fit of the model {folder.name}; fit it again")
        return self._load(account, saved.question, stored)

    def source(self, folder: ModelFolder, fitted: Fitted) -> Source:
        """Return the source of a saved model's rows, with the domain that its contract states now.

        Raises:
            SettingsError: there is no such model, or its files have changed since the fit.
        """
        form, place = folder.saved().form, self.installation
        if isinstance(form, TableForm):
            return TableSource.of(form.request, form.scope, place.contracts, place.lakehouse, place.consent_view)
        form.require_unchanged(place.synthetic_key)
        return FileSource(fitted.model.specification, form)

    def sides(self, source: Source) -> Sides:
        """Return the rows that a fit of this source learns from, and those that are held out.

        Raises:
            SettingsError: there is no row, or a file cannot be read.
        """
        rows = source.read()
        if rows.people.num_rows == 0:
            raise SettingsError(f"{source.account.dataset} has no row that may be used for {source.account.purpose}")
        return split(rows, self.installation.synthetic_key, source.account.dataset)

    def sides_to_judge(self, source: Source) -> Sides:
        """Return the rows for a report, whose figures have no noise. The role is checked, and the use is logged.

        Raises:
            PrivacyError: the role may not state the purpose, or the log cannot be written.
            SettingsError: there is no row, or a file cannot be read.
        """
        trail, asked = self._trail, _asked(source)
        try:
            self._require_role(source.form)
        except PrivacyError as error:
            trail.note_refusal(asked, error.message)
            raise
        trail.note_report(asked)
        return self.sides(source)

    @property
    def _trail(self) -> Trail:
        return Trail(self.installation.audit_log, self.who, utc_now, self.role)

    def _load(self, account: BudgetAccount, question: str, stored: Answered) -> Fitted:
        record, file = FitRecord(**json.loads(stored.answer)), self._file(account, question)
        if not file.exists():
            self.installation.shared_files.fetch(file)
        model = load_model(file, self.installation.synthetic_key, record.model)
        return Fitted(model, record, is_stored=True)

    def _file(self, account: BudgetAccount, question: str) -> Path:
        """Return the file of a fit: one for each question of an account, whatever names refer to it."""
        name = hashlib.sha256(f"{account}|{question}".encode()).hexdigest()[:32]
        return self.installation.settings.data_dir / "synthetic" / "fitted" / f"{name}.zip"

    def _require_role(self, form: FileForm | TableForm) -> None:
        """Check the role for tables; a file must be the caller's own."""
        place = self.installation
        if isinstance(form, FileForm):
            form.require_own(place.settings)
            return
        for table in form.request.sources:
            require_role(table, self.role, form.request.purpose, place.roles, place.policy)


def _scoped(source: Source, folder: ModelFolder, again: bool) -> Source:
    """Return the source with a new scope if `again`, or with that of an earlier `again`, if the folder records one."""
    scope = source.form.scope
    if again:
        return source.of_scope(f"{scope}#{secrets.token_hex(4)}")
    last = folder.saved().form.scope if folder.exists else ""
    return source.of_scope(last) if last.startswith(f"{scope}#") else source


def _fit(
    learned: Rows, specification: AnySpecification, setting: FitSetting, progress: Progress
) -> tuple[Model, FitRecord]:
    if isinstance(specification, EventSpecification):
        assert learned.events is not None
        return fit_history(learned.people, learned.events, specification, setting, progress)
    return fit_table(learned.people, specification, setting, progress)


def _asked(source: Source) -> _FitAsked:
    spec = source.specification
    events = event_types(spec) if isinstance(spec, EventSpecification) else {}
    return _FitAsked(source.account.dataset, source.account.purpose, frozenset({*people_types(spec), *events}))


def _require_packages() -> None:
    if find_spec("mbi") is None:
        raise SettingsError("private models need the packages mbi and jax: pip install 'bojagi[synthetic]'")
