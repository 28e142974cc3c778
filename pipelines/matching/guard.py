"""Guards: refuse pairs in which a part of the person clearly differs, whatever the household shares.

Two records of one household agree on the surname, phone, address and e-mail, and often on the birth date (twins) or the
given name (father and son). That evidence grows with every column of a file, so no sum of weights is safe. A refused
pair therefore gets `REFUSED_WEIGHT` instead of its sum. It trains no m probability, no deterministic rule decides it,
and its two records never end in one group, unless a steward links them.

Only an agreeing number of one person (a tax or member number) exempts a pair from the guards of names and birth years,
because no household shares it. Two records of one person that a guard refuses are rare; a steward can link them.
"""

from collections.abc import Collection, Sequence
from enum import IntEnum

from pipelines.matching.comparison import PartComparison, given_names_are
from pipelines.matching.name_relation import NameRelation
from pipelines.matching.workspace import Workspace

# Match weight of a refused pair, in bits. Other pairs have at least `LEAST_WEIGHT`, so the two cannot be confused.
REFUSED_WEIGHT = -30.0
LEAST_WEIGHT = -25.0
# Largest match weight of a doubtful pair (see `doubt_sql`).
DOUBTFUL_WEIGHT = -4.0
# Birth years at least this far apart are those of two generations.
GENERATION_YEARS = 15
# Levels (see `comparison`) up to which birth dates agree: equal, one digit off, day and month exchanged.
_AGREEING_BIRTH_LEVELS = 3
# Comparisons of what the people of one home share.
_HOME_PARTS = ("phone", "email", "address", "device", "household")
# Numbers of one person show that its name or birth date often differs if more than this share of the pairs with an
# equal number would be refused. In FEBRL it is 15 %; in a register with stable numbers it is below 1 %.
_MOST_DIFFERING = 0.03
# Number of pairs that count as evidence for reliable names, so that few pairs do not decide.
_PRIOR_PAIRS = 100.0


class Refusal(IntEnum):
    """What differs in a refused pair; `NONE` if the pair is not refused."""

    NONE = 0
    SUFFIX = 1
    GIVEN_NAME = 2
    BIRTH_YEAR = 3
    SEX = 4

    @property
    def reason(self) -> str:
        """What differs, as explanations show it."""
        return _REASONS[self]


_REASONS = {
    Refusal.NONE: "",
    Refusal.SUFFIX: "suffixes of two generations",
    Refusal.GIVEN_NAME: "given names of two people",
    Refusal.BIRTH_YEAR: "birth years of two generations",
    Refusal.SEX: "other sex and other given name",
}
# Fact about a pair that the levels of comparisons do not show -> needed prepared column, SQL over both records.
_FACTS = {
    "is_generation_apart": (
        "birth_year",
        f"abs(try_cast(birth_year_l as integer) - try_cast(birth_year_r as integer)) >= {GENERATION_YEARS}",
    ),
    "is_suffix_different": ("generation", "generation_l <> generation_r"),
}
FACTS = tuple(_FACTS)


def facts_sql(columns: Collection[str]) -> str:
    """Return SQL of the columns with the facts that the guards read, over the prepared columns of a pair."""
    known = {name: f"coalesce({sql}, false)" for name, (column, sql) in _FACTS.items() if column in columns}
    return ", ".join(f"{known.get(name, 'false')} as {name}" for name in FACTS)


def refusal_sql(comparisons: Sequence[PartComparison], *, is_guarded: bool) -> str:
    """Return SQL for the `Refusal` of a pair, over the table of `model.observe_levels`.

    Args:
        comparisons: the comparisons of the observed levels.
        is_guarded: whether all guards act (see `needs_guards`). Otherwise only different suffixes refuse a pair.
    """
    exempt = _agrees(comparisons, ("identifier",), nearly=True)
    conditions = [(Refusal.SUFFIX, "is_suffix_different")]
    if is_guarded:
        conditions += [(reason, f"{sql} and not {exempt}") for reason, sql in _one_differs(comparisons)]
    whens = " ".join(f"when {condition} then {int(reason)}" for reason, condition in conditions)
    return f"(case {whens} else {int(Refusal.NONE)} end)"


def doubt_sql(comparisons: Sequence[PartComparison]) -> str:
    """Return the condition that two records are rather of two people; their weight is at most `DOUBTFUL_WEIGHT`.

    It is true where the given names differ and the birth dates differ as well, or one is unknown in one home. An
    agreeing number or e-mail address exempts. It matters for files without guards, because the guards are stricter.
    """
    birth = next((f"g{n}" for n, c in enumerate(comparisons) if c.name == "birth_date"), "0")
    second = f"{birth} > {_AGREEING_BIRTH_LEVELS} or ({birth} = 0 and {_agrees(comparisons, _HOME_PARTS)})"
    exempt = _agrees(comparisons, ("identifier", "email"), nearly=True)
    return f"({given_names_are(comparisons, NameRelation.DIFFERENT)} and ({second}) and not {exempt})"


def needs_guards(connection: Workspace, comparisons: Sequence[PartComparison], observed: str) -> bool:
    """Return whether all guards act on a file, so that one clear difference of the person refuses a pair.

    They act if the file has columns that the people of one home share, and if its numbers of one person do not show
    that the name or the birth date of one person often differs.

    Args:
        connection: database with the table `observed`.
        comparisons: the comparisons of `observed`.
        observed: name of the table of `model.observe_levels`.
    """
    if not any(c.name.startswith(_HOME_PARTS) for c in comparisons):
        return False
    differs = " or ".join(sql for _, sql in _one_differs(comparisons))
    found = connection.execute(
        f"select count(*) as n, coalesce(sum(case when {differs} then 1 else 0 end), 0) as differing "
        f"from {observed} where {_agrees(comparisons, ('identifier',))}"
    ).fetchall()[0]
    return float(found[1]) / (float(found[0]) + _PRIOR_PAIRS) <= _MOST_DIFFERING


def _one_differs(comparisons: Sequence[PartComparison]) -> list[tuple[Refusal, str]]:
    """Return the conditions of the guards that need one clear difference."""
    conditions = [
        (Refusal.GIVEN_NAME, given_names_are(comparisons, NameRelation.DIFFERENT, NameRelation.SIMILAR)),
        (Refusal.BIRTH_YEAR, "is_generation_apart"),
    ]
    sex = next((n for n, c in enumerate(comparisons) if c.name == "sex"), None)
    if sex is not None:
        typo = given_names_are(comparisons, NameRelation.TYPO)
        conditions.append((Refusal.SEX, f"(g{sex} = {len(comparisons[sex].levels) + 1} and {typo})"))
    return conditions


def _agrees(comparisons: Sequence[PartComparison], parts: tuple[str, ...], *, nearly: bool = False) -> str:
    """Return the condition that one of the parts is equal, or also nearly equal."""
    found = [
        f"g{n} between 1 and {len(c.levels) if nearly else 1}"
        for n, c in enumerate(comparisons)
        if c.name.startswith(parts)
    ]
    return f"({' or '.join(found) or '1 = 0'})"
