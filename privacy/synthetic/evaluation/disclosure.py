"""Makes every attack on synthetic rows and on the references."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import pyarrow as pa

from privacy.synthetic.attack.attacks import inference, linkability, singling_out
from privacy.synthetic.attack.canary import Canaries, plant_canaries
from privacy.synthetic.attack.copied import copied_rows
from privacy.synthetic.attack.identifier import leaked_identifiers
from privacy.synthetic.attack.membership import Membership, distance_membership, shadow_membership
from privacy.synthetic.attack.risk import Risk
from privacy.synthetic.evaluation.options import Options
from privacy.synthetic.evaluation.report import HOLDOUT, INDEPENDENT, TRAIN, Attack, Disclosure
from privacy.synthetic.evaluation.table_form import TableForm, independent_columns

Call = Callable[[TableForm, TableForm, TableForm], Risk]
_SINGLING_OUT = ("Singling out", "An attacker takes values that only one synthetic row has, and claims that exactly one "
                 "real person has them.")  # fmt: skip
_LINKING = ("Linking", "Two parties know different columns of a person. They link them if the same synthetic row is nearest "
            "to both.")  # fmt: skip
_INFERRING = "An attacker knows all other columns of a person, and takes this one from the most similar synthetic row."


def attack_table(
    forms: Mapping[str, TableForm], options: Options, secrets: Sequence[str], tables: Mapping[str, pa.Table]
) -> Disclosure:
    """Return what attackers find out. `tables` may have identifiers beside the columns of `forms`."""
    train, control, synthetic = (forms[name] for name in ("train", "holdout", "synthetic"))
    seed, specification = options.seed, synthetic.specification
    attacks = list(_attacks(forms, secrets, options))
    options.progress("looking for copied rows and identifiers")
    copies = copied_rows(train, control, [synthetic], seed)
    more, sampler = None, options.sampler
    if sampler is not None:
        drawn = [TableForm(sampler(train.rows, seed + number), specification) for number in range(options.samples)]
        more = copied_rows(train, control, drawn, seed)
    leaks = leaked_identifiers(tables["train"], tables["holdout"], tables["synthetic"])
    options.progress("inferring membership")
    near = distance_membership(train, control, synthetic, options.attacks, seed)
    shadow, canaries, missing = _refitted(train, control, synthetic, options)
    if more is None:
        missing["copies of samples"] = "not made: needs the fitted model, from which further rows are drawn"
    return Disclosure(attacks, copies, more, leaks, near, shadow, canaries, missing)


def _refitted(
    train: TableForm, control: TableForm, synthetic: TableForm, options: Options
) -> tuple[Membership | None, Canaries | None, dict[str, str]]:
    """Return the attacks that fit the synthesizer again, and why those are missing that were not made."""
    again = options.refit
    if again is None:
        reason = "not made: needs a synthesizer that can be fitted again"
        return None, None, {"shadow models": reason, "canaries": reason}

    def refit(form: TableForm, seed: int) -> TableForm:
        return TableForm(again(form.table, seed), form.specification)

    shadow, canaries, missing = None, None, {}
    if options.shadow_models:
        options.progress(f"fitting {options.shadow_models} shadow models")
        shadow = shadow_membership(
            train, control, synthetic, refit, options.shadow_models, options.attacks, options.seed
        )
    else:
        missing["shadow models"] = "not made: 0 were asked for"
    if options.canaries:
        options.progress(f"planting {options.canaries} canaries")
        canaries = plant_canaries(train, synthetic, refit, options.canaries, options.seed)
    else:
        missing["canaries"] = "not made: 0 were asked for"
    return shadow, canaries, missing


def _attack(title: str, meaning: str, call: Call, forms: Mapping[str, TableForm], seed: int) -> Attack:
    """Return an attack on the synthetic rows, on independent columns, on the training rows and on half of the hold-out.

    The other half of the hold-out is the control of the last one.
    """
    train, control = forms["train"], forms["holdout"]
    references = {
        HOLDOUT: call(train, *control.halves(seed)),
        INDEPENDENT: call(train, control, independent_columns(train, seed)),
        TRAIN: call(train, control, train),
    }
    found = call(train, control, forms["synthetic"])
    return Attack(found.name, title, meaning, found, references)


def _attacks(forms: Mapping[str, TableForm], secrets: Sequence[str], options: Options) -> Iterator[Attack]:
    how = {"attacks": options.attacks, "seed": options.seed}
    calls: list[tuple[str, str, Call]] = [(*_SINGLING_OUT, partial(singling_out, **how))]
    if len(forms["train"].columns) > 1:
        calls.append((*_LINKING, partial(linkability, **how)))
        calls += [(f"Inferring {secret}", _INFERRING, partial(inference, secret=secret, **how)) for secret in secrets]
    for title, meaning, call in calls:
        options.progress(f"attacking: {title.lower()}")
        yield _attack(title, meaning, call, forms, options.seed)
