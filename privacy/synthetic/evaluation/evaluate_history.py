"""Measures synthetic people with their events: scores and attacks, each beside its references."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from privacy.synthetic.attack.copied import copied_rows
from privacy.synthetic.attack.identifier import leaked_identifiers
from privacy.synthetic.attack.membership import Refit
from privacy.synthetic.evaluation.disclosure import Search, attack_forms
from privacy.synthetic.evaluation.evaluate import default_target, require_asked, require_rows, table_scores
from privacy.synthetic.evaluation.history_form import Histories, HistoryForm, make_up_histories, shuffled
from privacy.synthetic.evaluation.history_score import TITLES, integrity, sequence_distances
from privacy.synthetic.evaluation.options import Options
from privacy.synthetic.evaluation.report import Report, Score
from privacy.synthetic.evaluation.score import shapes
from privacy.synthetic.event.specification import EventSpecification
from privacy.synthetic.synthesizer import Guarantee
from privacy.synthetic.table_form import TableForm

MOST_LINES = 300_000
"""Events of each table among which copies are searched."""


@dataclass(frozen=True)
class HistoryGenerator:
    """A generator of people with events, for attacks that need it.

    sample: returns further people for a number of people and a seed. refit: fits the synthesizer to other people and
    returns as many synthetic people.
    """

    sample: Callable[[int, int], Histories] | None = None
    refit: Callable[[Histories, int], Histories] | None = None


def evaluate_history(
    train: Histories, holdout: Histories, synthetic: Histories, specification: EventSpecification,
    options: Options | None = None, generator: HistoryGenerator | None = None, guarantee: Guarantee | None = None,
    title: str = "Synthetic customers with events",
) -> Report:  # fmt: skip
    """Return the report of synthetic people with their events; see `evaluate_table`.

    Attacks look at a table of people with a summary of their events: `HistoryForm.person_form`. Copies are searched
    among single events. `sampler` and `refit` of the options are not used, but those of `generator`.

    Raises:
        BadSpecification: a table lacks a column, there are too few people, or a column that is asked for is unknown.
    """
    options, generator = options or Options(), generator or HistoryGenerator()
    given = {"train": train, "holdout": holdout, "synthetic": synthetic}
    forms = {name: HistoryForm(one, specification) for name, one in given.items()}
    people = {name: form.person_form for name, form in forms.items()}
    for name, form in people.items():
        require_rows(form.rows, name)
    require_asked(options, people["train"].specification)
    scores = _scores(forms, options)
    target = options.target or default_target(specification.people)
    scores += table_scores(people, target, options.seed, options.progress)
    secrets = options.secrets or ([target] if target else [])
    canaries = HistoryForm(make_up_histories(train, specification, options.canaries, options.seed), specification)
    refit = _refit([forms["train"], forms["holdout"], canaries], generator)
    search = _search(forms, options, generator)
    disclosure = attack_forms(people, options, secrets, refit, canaries.person_form, search)
    rows = {name: form.rows for name, form in people.items()}
    rows |= {f"{name} events": one.events.num_rows for name, one in given.items()}
    return Report(title, rows, scores, disclosure, shapes(people["train"], people["synthetic"]), guarantee)


def _scores(forms: Mapping[str, HistoryForm], options: Options) -> list[Score]:
    train, spec, seed = forms["train"], forms["train"].specification, options.seed
    rows = min(forms["holdout"].rows, forms["synthetic"].rows)
    three = [forms["synthetic"].sample(rows, seed), forms["holdout"].sample(rows, seed)]
    independent = HistoryForm(shuffled(train.sample(rows, seed).histories, spec, seed), spec)
    options.progress("checking keys")
    keys = [integrity(form.histories, spec) for form in (forms["synthetic"], forms["holdout"], independent)]
    meaning = "Share of events that belong to exactly one person, in an order of that person only; 1 is right."
    found = [Score.of("integrity", "Keys that fit", meaning, True, keys)]
    options.progress("comparing sequences")
    distances = [sequence_distances(train, form) for form in (*three, independent)]
    for name in distances[0]:
        title = TITLES.get(name, f"Values of {name}")
        meaning = "Total variation distance of the shares; 0 is equal, 1 is nothing in common."
        found.append(Score.of(name, title, meaning, False, [one[name] for one in distances]))
    return found


def _refit(forms: Sequence[HistoryForm], generator: HistoryGenerator) -> Refit | None:
    """Return the refit of attacks on people: it looks up their events among those of the forms."""
    if generator.refit is None:
        return None
    again, spec = generator.refit, forms[0].specification
    names = list(dict.fromkeys(forms[-1].histories.events.column_names))
    tables = [form.histories.events.select(names) for form in forms]
    events = pa.concat_tables([table.cast(tables[0].schema) for table in tables])

    def refit(form: TableForm, seed: int) -> TableForm:
        known = Histories(form.table.select([spec.unit, *spec.people]), events).of(form.table, spec.unit)
        made = again(replace(known, people=form.table.select([spec.unit, *spec.people])), seed)
        return HistoryForm(made, spec).person_form

    return refit


def _search(forms: Mapping[str, HistoryForm], options: Options, generator: HistoryGenerator) -> Search:
    options.progress("looking for copied events and identifiers")
    seed, specification = options.seed, forms["train"].specification
    train, control = (forms[name].lines(MOST_LINES, seed) for name in ("train", "holdout"))
    copies = copied_rows(train, control, [forms["synthetic"].lines(None, seed)], seed)
    more = None
    if generator.sample is not None:
        again = HistoryForm(generator.sample(forms["train"].rows, seed + 1), specification)
        more = copied_rows(train, control, [again.lines(None, seed)], seed)
    given = [forms[name].histories for name in ("train", "holdout", "synthetic")]
    leaks = leaked_identifiers(*(one.people for one in given))
    order = specification.order
    if order is not None:
        leaks += leaked_identifiers(*(pa.table({order: pc.unique(one.events[order])}) for one in given))
    return Search(copies, more, leaks)
