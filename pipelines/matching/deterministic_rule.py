"""Deterministic match rules: pairs that agree on a strong identifier and the name match without scoring.

Strong identifiers are numbers of one person, e-mail addresses and phones. No rule decides a pair that differs in an
identifier, a birth date or the sex, or that a guard refuses. The same holds if one record lacks the suffix (Jr) of the
other. The model scores all pairs that no rule decides.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.matching.comparison import PartComparison
from pipelines.matching.model import Model

# Match weight of a pair that a rule decides, in bits (log2 odds); above the cap of clustering (`cluster.WEIGHT_CAP`).
CERTAIN_WEIGHT = 30.0
# No rule decides a pair that differs in one of these.
_CONTRADICTING = ("identifier", "birth_date", "sex")


@dataclass(frozen=True, slots=True)
class DeterministicRule:
    """A rule: the pair matches if all its parts are equal. The first part is a strong identifier."""

    parts: tuple[str, ...]

    @property
    def name(self) -> str:
        """Return the name of the rule in explanations."""
        return " + ".join(self.parts)


RULES = (
    DeterministicRule(("identifier", "given_name", "surname")),
    DeterministicRule(("identifier", "given_name", "birth_date")),
    DeterministicRule(("email", "given_name", "surname")),
    DeterministicRule(("phone", "given_name", "surname", "birth_date")),
)


def certain_sql(model: Model) -> str:
    """Return the SQL condition that a rule decides the pair, over the table of `model.observe_levels`."""
    # Not `false`: Spark reads `from observed where (false)` as an alias with a column.
    return f"({' or '.join(_conditions(model).values()) or '1 = 0'})"


def rule_sql(model: Model) -> str:
    """Return SQL for the name of the first rule that decides the pair; null if none does."""
    whens = " ".join(f"when {condition} then '{name}'" for name, condition in _conditions(model).items())
    return f"(case {whens} end)" if whens else "null"


def _conditions(model: Model) -> dict[str, str]:
    """Return the SQL condition of each rule whose parts are all compared, by the rule's name."""
    comparisons = model.comparisons
    against = [f"g{n} <> {len(c.levels) + 1}" for n, c in enumerate(comparisons) if c.name.startswith(_CONTRADICTING)]
    against += [f"{model.refusal_sql} = 0", "not is_suffix_missing"]
    found = {}
    for rule in RULES:
        equal = [_equal(part, comparisons) for part in rule.parts]
        if all(equal):
            found[rule.name] = f"({' and '.join([*equal, *against])})"
    return found


def _equal(part: str, comparisons: Sequence[PartComparison]) -> str:
    """Return the SQL condition that the part is equal (one of several columns is enough); empty if not compared."""
    found = [f"g{n} = 1" for n, c in enumerate(comparisons) if c.name == part or c.name.startswith(f"{part}_")]
    return f"({' or '.join(found)})" if found else ""
