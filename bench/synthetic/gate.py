"""Counts what the release gate lets pass of faulty generators, and what it refuses of honest ones, on Adult."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from bench.claim import Claim
from bench.synthetic.adult import SECRET, Adult
from bench.synthetic.fault import add_identifiers, domain_of_data, with_copies, with_identifier
from privacy.dp.budget_account import BudgetAccount
from privacy.dp.cost import cost_of_rho
from privacy.dp.ledger import Ledger
from privacy.dp.sqlite_store import SqliteStore
from privacy.synthetic.accounting import mu_of
from privacy.synthetic.evaluation.disclosure import attack_table
from privacy.synthetic.evaluation.options import Options
from privacy.synthetic.evaluation.report import Report
from privacy.synthetic.fit import FitRecord, FitSetting, fit_model
from privacy.synthetic.gate.fit_check import FitEvidence
from privacy.synthetic.gate.judgement import judge_release
from privacy.synthetic.private_table import PrivateTable
from privacy.synthetic.specification import Category, Specification
from privacy.synthetic.table_form import TableForm
from privacy.synthetic.verdict import Gate

Rows = Callable[[int, int], pa.Table]
"""Returns rows of a generator for a number of rows and a seed."""
EXCESS = 1.01
"""The μ of a fit that is trained past its budget, as a multiple of the debited one."""
HONEST = "honest"
ACCOUNT = BudgetAccount("adult", "bench")


def measure(folder: Path, scratch: Path, runs: int) -> None:
    """Print for each fault how many of `runs` generators passed the gate, and how many honest ones were refused."""
    trial = Trial.of(Adult.read(folder), scratch)
    counts: Counter[str] = Counter()
    for seed in range(runs):
        for name, gate in trial.verdicts(seed):
            counts[name] += gate.is_open if name != HONEST else not gate.is_open
    for name, count in counts.items():
        subject = "honest generators refused" if name == HONEST else f"generators that pass: {name}"
        Claim(f"gate, {subject}, of {runs}", float(count), "", bar=0.0, runs=runs).print_json()


@dataclass(frozen=True)
class Trial:
    """Adult with an identifier, a domain with a country that no row has, and a ledger."""

    adult: Adult
    train: pa.Table
    holdout: pa.Table
    declared: Specification
    ledger: Ledger
    scratch: Path

    @classmethod
    def of(cls, adult: Adult, scratch: Path) -> Trial:
        """Return the trial with a new ledger in the scratch folder."""
        columns = dict(adult.specification.columns)
        country = columns["native-country"]
        if isinstance(country, Category):
            columns["native-country"] = country.model_copy(update={"values": (*country.values, "Iceland")})
        declared = adult.specification.model_copy(update={"columns": columns})
        ledger = Ledger(SqliteStore(scratch / "ledger.db", scratch / "anchor"))
        ledger.set_limit(ACCOUNT, "ever", cost_of_rho(1000), datetime.now(UTC))
        train, holdout = (add_identifiers(form.table, number) for number, form in enumerate((adult.train, adult.test)))
        return cls(adult, train, holdout, declared, ledger, scratch)

    def verdicts(self, seed: int) -> list[tuple[str, Gate]]:
        """Return the verdict on an honest generator, and on one with each fault."""
        model, record = self._fitted(self.declared, f"honest {seed}", 1.0)
        honest = _rows_of(model)
        report = self._report(honest, seed)

        def judged(rows: Rows) -> Gate:
            return judge_release(self._report(rows, seed), self._evidence(model, record, f"honest {seed}"))

        def copies(count: int, number: int) -> pa.Table:
            return with_copies(honest(count, number), self.train, 0.01, 1000 * seed + number)

        def kept(count: int, number: int) -> pa.Table:
            return with_copies(honest(count, number), self.train, 0.01, seed)

        def leaking(count: int, number: int) -> pa.Table:
            return with_identifier(honest(count, number), self.train, "member", 0.01, seed)

        past, past_record = self._fitted(self.declared, f"past {seed}", EXCESS)
        taken = domain_of_data(self.train, self.declared)
        learned, learned_record = self._fitted(taken, f"taken {seed}", 1.0)
        return [
            (HONEST, judge_release(report, self._evidence(model, record, f"honest {seed}"))),
            ("copies another 1 % of the training rows each time", judged(copies)),
            ("copies the same 1 % of the training rows each time", judged(kept)),
            ("1 % of the rows carry a real identifier", judged(leaking)),
            ("trained past its budget", judge_release(report, self._evidence(past, past_record, f"past {seed}"))),
            ("categories came from the data",
             judge_release(report, self._evidence(learned, learned_record, f"taken {seed}"))),
        ]  # fmt: skip

    def _fitted(self, specification: Specification, scope: str, excess: float) -> tuple[PrivateTable, FitRecord]:
        """Return a model whose debit is that of the specification, and whose μ is `excess` times the debited one."""
        setting = FitSetting(self.ledger, ACCOUNT, scope, self.scratch / "model", b"bench" * 8, datetime.now(UTC))
        mu = excess * mu_of(specification.epsilon, specification.delta)
        model = PrivateTable.fit_part(self.train, specification, mu)
        return model, fit_model(specification, lambda: model, setting)[1]

    def _evidence(self, model: PrivateTable, record: FitRecord, scope: str) -> FitEvidence:
        return FitEvidence(model, self.declared, record, self.ledger, scope)

    def _report(self, rows: Rows, seed: int) -> Report:
        """Return the report of the attacks alone."""
        made = rows(self.train.num_rows, seed)
        tables = {"train": self.train, "holdout": self.holdout, "synthetic": made}
        columns = list(self.declared.columns)
        forms = {name: TableForm(table.select(columns), self.declared) for name, table in tables.items()}
        options = Options(seed=seed, sampler=lambda count, number: rows(count, number).select(columns))
        found = attack_table(forms, options, [SECRET], tables)
        return Report("trial", {name: table.num_rows for name, table in tables.items()}, [], found, {})


def _rows_of(model: PrivateTable) -> Rows:
    return lambda count, seed: pa.concat_tables(model.sample(count, seed))
