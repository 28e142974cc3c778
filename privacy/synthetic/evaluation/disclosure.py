"""Makes every attack on synthetic rows and on the references."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import pyarrow as pa

from privacy.synthetic.attack.attacks import inference, linkability, singling_out
from privacy.synthetic.attack.canary import make_up, plant_canaries
from privacy.synthetic.attack.copied import Copies, copied_rows
from privacy.synthetic.attack.identifier import Leak, leaked_identifiers
from privacy.synthetic.attack.membership import Refit, distance_membership, shadow_membership
from privacy.synthetic.attack.risk import Risk
from privacy.synthetic.evaluation.options import Options
from privacy.synthetic.evaluation.report import HOLDOUT, INDEPENDENT, TRAIN, Attack, Disclosure
from privacy.synthetic.table_form import TableForm, independent_columns

Call = Callable[[TableForm, TableForm, TableForm, int, int], Risk]
_REFERENCE_ATTACKS = 2000
"""Attacks on each reference, which need no narrow interval."""
_SINGLING_OUT = ("Singling out", "An attacker takes values that only one synthetic row has, and claims that exactly "
                 "one real person has them.")  # fmt: skip
_LINKING = ("Linking", "Two parties know different columns of a person. They link them if exactly one synthetic row is "
            "nearest to both.")  # fmt: skip
_INFERRING = "An attacker knows all other columns of a person, and takes this one from the most similar synthetic row."


@dataclass(frozen=True)
class Search:
    """What a search for copies and identifiers found in the published rows and in further samples of the model."""

    copies: Copies
    copies_of_samples: Copies | None
    leaks: Sequence[Leak]


def attack_table(
    forms: Mapping[str, TableForm], options: Options, secrets: Sequence[str], tables: Mapping[str, pa.Table]
) -> Disclosure:
    """Return what attackers find out. `tables` may have identifiers beside the columns of `forms`."""
    train, control, synthetic = (forms[name] for name in ("train", "holdout", "synthetic"))
    seed, again, sampler = options.seed, options.refit, options.sampler
    options.progress("looking for copied rows and identifiers")
    copies, more = copied_rows(train.numbers, control.numbers, [synthetic.numbers], seed), None
    if sampler is not None:
        numbers = range(options.samples)
        drawn = [TableForm(sampler(train.rows, seed + one), synthetic.specification).numbers for one in numbers]
        more = copied_rows(train.numbers, control.numbers, drawn, seed)
    leaks = leaked_identifiers(tables["train"], tables["holdout"], tables["synthetic"])
    refit = None if again is None else lambda form, seed: TableForm(again(form.table, seed), form.specification)
    canaries = make_up(train, options.canaries, seed)
    return attack_forms(forms, options, secrets, refit, canaries, Search(copies, more, leaks))


def attack_forms(
    forms: Mapping[str, TableForm], options: Options, secrets: Sequence[str], refit: Refit | None, made_up: TableForm,
    search: Search,
) -> Disclosure:  # fmt: skip
    """Return what attackers on people find out, together with what was found by searching.

    `refit` None: no attack fits the synthesizer again. `made_up` holds the people who are planted as canaries.
    """
    train, control, synthetic = (forms[name] for name in ("train", "holdout", "synthetic"))
    attacks = list(_attacks(forms, secrets, options))
    options.progress("inferring membership")
    near = distance_membership(train, control, synthetic, options.attacks, options.seed)
    missing = _not_made(options, refit is not None, search.copies_of_samples is not None)
    shadow, canaries = None, None
    if refit is not None and options.shadow_models:
        options.progress(f"fitting {options.shadow_models} shadow models")
        shadow = shadow_membership(
            train, control, synthetic, refit, options.shadow_models, options.attacks, options.seed
        )
    if refit is not None and options.canaries:
        options.progress(f"planting {options.canaries} canaries")
        canaries = plant_canaries(train, synthetic, refit, made_up, options.seed)
    return Disclosure(attacks, search.copies, search.copies_of_samples, search.leaks, near, shadow, canaries, missing)


def _not_made(options: Options, has_refit: bool, has_samples: bool) -> dict[str, str]:
    """Return for each attack that is not made the reason."""
    found = {}
    for name, asked in (("shadow models", options.shadow_models), ("canaries", options.canaries)):
        if not has_refit:
            found[name] = "not made: needs a synthesizer that can be fitted again"
        elif not asked:
            found[name] = "not made: 0 were asked for"
    if not has_samples:
        found["copies in further samples"] = "not searched: needs the fitted model, from which further rows are drawn"
    return found


def _attack(title: str, meaning: str, call: Call, forms: Mapping[str, TableForm], options: Options) -> Attack:
    """Return an attack on the synthetic rows, on independent columns, on the training rows and on half of the hold-out.

    The other half of the hold-out is the control of the last one.
    """
    train, control, seed = forms["train"], forms["holdout"], options.seed
    attacks = min(options.attacks, _REFERENCE_ATTACKS)
    references = {
        HOLDOUT: call(train, *control.halves(seed), attacks, seed),
        INDEPENDENT: call(train, control, independent_columns(train, seed), attacks, seed),
        TRAIN: call(train, control, train, attacks, seed),
    }
    found = call(train, control, forms["synthetic"], options.attacks, seed)
    return Attack(found.name, title, meaning, found, references)


def _attacks(forms: Mapping[str, TableForm], secrets: Sequence[str], options: Options) -> Iterator[Attack]:
    calls: list[tuple[str, str, Call]] = [(*_SINGLING_OUT, singling_out)]
    if len(forms["train"].columns) > 1:
        calls.append((*_LINKING, linkability))
        calls += [(f"Inferring {secret}", _INFERRING, partial(inference, secret=secret)) for secret in secrets]
    for title, meaning, call in calls:
        options.progress(f"attacking: {title.lower()}")
        yield _attack(title, meaning, call, forms, options)
