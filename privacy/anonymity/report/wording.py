"""Returns models, measured values and the treatment of columns as text for reports."""

from __future__ import annotations

from collections.abc import Mapping

from privacy.anonymity.risk.homogeneity import Homogeneity
from privacy.anonymity.spec.model import Model
from privacy.anonymity.spec.specification import Spec

NAMES = {
    "k_anonymity": "k-anonymity",
    "alpha": "(alpha, k)-anonymity",
    "distinct_l": "distinct l-diversity",
    "entropy_l": "entropy l-diversity",
    "recursive_l": "recursive l-diversity",
    "t_closeness": "t-closeness",
    "delta_disclosure": "delta-disclosure privacy",
    "basic_beta": "basic beta-likeness",
    "enhanced_beta": "enhanced beta-likeness",
    "k_map": "k-map",
    "delta_presence": "delta-presence",
}
"""Names of the models in the literature."""


def model_text(model: Model) -> str:
    """Returns a model with its limits as text.

    >>> from privacy.anonymity.spec.model import DistinctL, KAnonymity
    >>> model_text(KAnonymity(k=5)), model_text(DistinctL(l=2, column="illness"))
    ('k-anonymity, k 5', 'distinct l-diversity of illness, l 2')
    """
    limits = model.model_dump(exclude={"name", "column"})
    about = f" of {model.column}" if model.column else ""
    text = ", ".join(
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in limits.items()
    )
    return f"{NAMES[model.name]}{about}, {text}"


def measured_text(measured: Mapping[str, float]) -> str:
    """Returns the verifier's values of the worst class as text. Keys are `model` or `model:column`.

    >>> measured_text({"k_anonymity": 5.0, "distinct_l:buys_most": 3.0})
    'k-anonymity 5; distinct l-diversity of buys_most 3'
    """
    text = []
    for place, number in measured.items():
        model, _, column = place.partition(":")
        text.append(f"{NAMES.get(model, model)}{f' of {column}' if column else ''} {number:.4g}")
    return "; ".join(text)


ALONE = (
    "Made without the registry of releases: do not join it or publish it together with another release of the same "
    "people, because the classes of two releases can be intersected"
)
REGISTERED = (
    "Recorded in the registry of releases: people keep their class in later releases of this table. Do not join it "
    "with a release of the same people under another name"
)


def homogeneity_text(one: Homogeneity) -> str:
    """Returns what the classes of a release reveal of a sensitive column, as text."""
    text = (
        f"{one.homogeneous_rows:.1%} of the rows are in classes with one value only; the least diverse class has "
        f"{one.fewest_values} (l), one value has at most {one.largest_share:.1%} of a class, and a class differs from "
        f"the table by at most {one.largest_distance:.3f} (t)"
    )
    return text if one.models else f"{text}; no model was asked to limit this"


def treatment_text(spec: Spec, name: str) -> str:
    """Returns how the release treats a column, as text."""
    column = spec.columns[name]
    if column.role != "quasi":
        return "released as it is"
    tree = column.hierarchy
    text = {
        "none": "ranges of neighbouring values" if column.is_ordered else "sets of values",
        "file": f"nodes of the hierarchy {tree.file.name if tree.file else ''}",
        "intervals": "intervals of " + ", ".join(f"{width:g}" for width in tree.widths),
        "dates": "month, quarter, year",
        "regions": "gu, city or county, province",
        "automatic": f"groups of {tree.fan_out} from the data",
    }[tree.kind]
    every = "one level for all rows" if spec.algorithm == "global" else "as far as each class needs"
    return f"{text}, {every}"
