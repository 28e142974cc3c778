"""Deterministic rules on strong identifiers: pairs that are one person without any scoring.

A number given to one person, an e-mail address, or a phone decide together with the name and only when nothing that
stays with a person contradicts. All other pairs are for the model.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.matching.comparison import PartComparison

# Log2 odds that stand for "certain", beyond what clustering tells apart (`cluster.WEIGHT_CAP`).
CERTAIN_WEIGHT = 30.0
# A pair that differs in one of these is never certain.
_CONTRADICTING = ("identifier", "birth_date", "sex")


@dataclass(frozen=True, slots=True)
class CertainRule:
    """Parts that must all be equal; a strong identifier comes first."""

    parts: tuple[str, ...]

    @property
    def name(self) -> str:
        """Return how the rule is called in explanations."""
        return " + ".join(self.parts)


RULES = (
    CertainRule(("identifier", "given_name", "surname")),
    CertainRule(("identifier", "given_name", "birth_date")),
    CertainRule(("email", "given_name", "surname")),
    CertainRule(("phone", "given_name", "surname", "birth_date")),
)


def certain_sql(comparisons: Sequence[PartComparison]) -> str:
    """Return a condition on the observed levels (`g0`, `g1`, …): some rule holds."""
    # Spark takes `from observed where (false)` for an alias with a column.
    return f"({' or '.join(_conditions(comparisons).values()) or '1 = 0'})"


def rule_sql(comparisons: Sequence[PartComparison]) -> str:
    """Return SQL of the first rule that holds, by name; null for none."""
    whens = " ".join(f"when {condition} then '{name}'" for name, condition in _conditions(comparisons).items())
    return f"(case {whens} end)" if whens else "null"


def _conditions(comparisons: Sequence[PartComparison]) -> dict[str, str]:
    """Return the condition of each rule that the compared parts allow."""
    against = [f"g{n} <> {len(c.levels) + 1}" for n, c in enumerate(comparisons) if c.name.startswith(_CONTRADICTING)]
    found = {}
    for rule in RULES:
        equal = [_equal(part, comparisons) for part in rule.parts]
        if all(equal):
            found[rule.name] = f"({' and '.join([*equal, *against])})"
    return found


def _equal(part: str, comparisons: Sequence[PartComparison]) -> str:
    """Return a condition that the part is equal (of several identifiers, one), or nothing when it is not compared."""
    found = [f"g{n} = 1" for n, c in enumerate(comparisons) if c.name == part or c.name.startswith(f"{part}_")]
    return f"({' or '.join(found)})" if found else ""
