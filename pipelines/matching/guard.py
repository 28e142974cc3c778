"""Guards: refuse pairs in which a part of the person clearly differs, whatever the household shares.

Two records of one household agree on the surname, phone, address and e-mail, and often on the birth date (twins) or the
given name (father and son). That evidence grows with every column of a file, so no sum of weights is safe. A refused
pair therefore gets `REFUSED_WEIGHT` instead of its sum. It trains no m probability, no deterministic rule decides it,
and its two records never end in one group, unless a steward links them.

The guards of names, birth years and sex do not act on a pair that agrees on what no household shares: a number of one
person (a tax or member number), or several attributes in which the people of one home differ (a middle initial and the
position in the household). Nor do they act on records of two homes, because the household explains none of their
agreement. Two records of one person that a guard refuses are rare; a steward can link them.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

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
# Comparisons of the person. A household may share what all others compare.
_PERSON_PARTS = ("given_name", "birth_date", "sex", "identifier")
# Share of the records of one person that agree on an attribute, in estimates.
_USUALLY_EQUAL = 0.9
# An attribute is one of the person if agreement on it shows at least this many bits. One attribute alone counts at most
# `_MOST_OWN_BITS`, so that no guard is lifted by fewer than two attributes.
_OWN_BITS, _MOST_OWN_BITS, _CLEARLY_OWN_BITS = 1.0, 4.0, 4.5
# Number of pairs that count as evidence for reliable names and shared attributes, so that few pairs do not decide.
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
        f"abs(birth_number_l - birth_number_r) >= {GENERATION_YEARS}",
    ),
    "is_name_typo": (
        "given_text",
        # Two exchanged letters are two edits, but leave the letters the same.
        "(bit_count(xor(given_text_bits_l, given_text_bits_r)) <= 2 and levenshtein(given_text_l, given_text_r) "
        "<= (case when given_text_bits_l = given_text_bits_r then 2 else 1 end))",
    ),
    "is_suffix_different": ("generation", "generation_l <> generation_r"),
    "is_suffix_equal": ("generation", "generation_l = generation_r"),
    "is_suffix_missing": ("generation", "(generation_l is null) <> (generation_r is null)"),
}
FACTS = tuple(_FACTS)
# Weight of equal suffixes, and of a suffix on one record only, in bits. They decide between father and son, whose other
# values are equal. One record of a person often lacks the suffix, so this is weak evidence.
SUFFIX_WEIGHT, MISSING_SUFFIX_WEIGHT = 3.0, -2.0


def records_sql(table: str, columns: Collection[str]) -> str:
    """Return SQL of the prepared records of a table with the values that `facts_sql` reads."""
    return (
        f"(select *, try_cast(birth_year as smallint) as birth_number from {table})"
        if "birth_year" in columns
        else table
    )


def facts_sql(columns: Collection[str]) -> str:
    """Return SQL of the columns with the facts that the guards read, over the columns of `records_sql` of a pair."""
    known = {name: f"coalesce({sql}, false)" for name, (column, sql) in _FACTS.items() if column in columns}
    return ", ".join(f"{known.get(name, 'false')} as {name}" for name in FACTS)


@dataclass(frozen=True, slots=True)
class Guards:
    """The guards that act on a file.

    Attributes:
        is_active: whether one clear difference of the person refuses a pair, and household evidence has a limit.
            Otherwise only different suffixes refuse a pair.
        own_bits: for each comparison the bits by which agreement on it shows one person and not two people of one home;
            0 for all but attributes in which the people of one home differ (a middle initial, an occupation).
    """

    is_active: bool
    own_bits: tuple[float, ...]

    def household(self, comparisons: Sequence[PartComparison]) -> list[bool]:
        """Return for each comparison whether its weight is limited as evidence that a household shares."""
        return [
            self.is_active and not c.name.startswith(_PERSON_PARTS) and bits < _OWN_BITS
            for c, bits in zip(comparisons, self.own_bits, strict=True)
        ]

    def refusal_sql(self, comparisons: Sequence[PartComparison]) -> str:
        """Return SQL for the `Refusal` of a pair, over the table of `model.observe_levels`."""
        conditions = [(Refusal.SUFFIX, "is_suffix_different")]
        if self.is_active:
            exempt = self._exempt_sql(comparisons)
            conditions += [(reason, f"{sql} and not {exempt}") for reason, sql in _one_differs(comparisons)]
        whens = " ".join(f"when {condition} then {int(reason)}" for reason, condition in conditions)
        return f"(case {whens} else {int(Refusal.NONE)} end)"

    def similar_names_sql(self, comparisons: Sequence[PartComparison]) -> str:
        """Return the condition that given names are similar but not equal, in a pair that the guards may refuse.

        Spellings of one name (Marc, Mark) are among them, but not its other forms (William, Bill).
        """
        if not self.is_active:
            return "(1 = 0)"
        relations = (NameRelation.TYPO, NameRelation.SIMILAR, NameRelation.DIFFERENT)
        alike = given_names_are(comparisons, *relations)
        spelt = f"({given_names_are(comparisons, NameRelation.VARIANT)} and is_name_typo)"
        return f"(({alike} or {spelt}) and not {self._exempt_sql(comparisons)})"

    def _exempt_sql(self, comparisons: Sequence[PartComparison]) -> str:
        return (
            f"({_agrees(comparisons, ('identifier',), nearly=True)} or {self._owns(comparisons)} "
            f"or {_has_other_home(comparisons)})"
        )

    def _owns(self, comparisons: Sequence[PartComparison]) -> str:
        """Return the condition that attributes of the person agree clearly and that none of them differs."""
        own = [(n, bits) for n, bits in enumerate(self.own_bits) if bits >= _OWN_BITS]
        if sum(bits for _, bits in own) < _CLEARLY_OWN_BITS:
            return "(1 = 0)"
        agreeing = " + ".join(f"(case when g{n} = 1 then {bits!r} else 0 end)" for n, bits in own)
        differing = " or ".join(f"g{n} > {len(comparisons[n].levels)}" for n, _ in own)
        return f"({agreeing} >= {_CLEARLY_OWN_BITS} and not ({differing}))"


def learn_guards(connection: Workspace, comparisons: Sequence[PartComparison], observed: str) -> Guards:
    """Return the guards of a file.

    Args:
        connection: database with the table `observed`.
        comparisons: the comparisons of `observed`.
        observed: name of the table of `model.observe_levels`.
    """
    is_active = _needs_guards(connection, comparisons, observed)
    own = _learn_own_bits(connection, comparisons, observed) if is_active else [0.0] * len(comparisons)
    return Guards(is_active, tuple(own))


def suffix_weight_sql() -> str:
    """Return SQL for the weight of two generation suffixes, over the table of `model.observe_levels`."""
    return (
        f"(case when is_suffix_equal then {SUFFIX_WEIGHT} when is_suffix_missing then {MISSING_SUFFIX_WEIGHT} "
        "else 0.0 end)"
    )


def doubt_sql(comparisons: Sequence[PartComparison]) -> str:
    """Return the condition that two records are rather of two people; their weight is at most `DOUBTFUL_WEIGHT`.

    It is true where the given names differ and the birth dates differ as well, or one is unknown in one home. An
    agreeing number or e-mail address exempts. It matters for files without guards, because the guards are stricter.
    """
    birth = next((f"g{n}" for n, c in enumerate(comparisons) if c.name == "birth_date"), "0")
    second = f"{birth} > {_AGREEING_BIRTH_LEVELS} or ({birth} = 0 and {_agrees(comparisons, _HOME_PARTS)})"
    exempt = _agrees(comparisons, ("identifier", "email"), nearly=True)
    return f"({given_names_are(comparisons, NameRelation.DIFFERENT)} and ({second}) and not {exempt})"


def _needs_guards(connection: Workspace, comparisons: Sequence[PartComparison], observed: str) -> bool:
    """Return whether one clear difference of the person refuses a pair of this file.

    It does if the file has columns that the people of one home share, and if its numbers of one person do not show
    that the name or the birth date of one person often differs.
    """
    if not any(c.name.startswith(_HOME_PARTS) for c in comparisons):
        return False
    differs = " or ".join(sql for _, sql in _one_differs(comparisons))
    found = connection.execute(
        f"select count(*) as n, coalesce(sum(case when {differs} then 1 else 0 end), 0) as differing "
        f"from {observed} where {_agrees(comparisons, ('identifier',))}"
    ).fetchall()[0]
    return float(found[1]) / (float(found[0]) + _PRIOR_PAIRS) <= _MOST_DIFFERING


def _learn_own_bits(connection: Workspace, comparisons: Sequence[PartComparison], observed: str) -> list[float]:
    """Return `Guards.own_bits`, learned from pairs of one home whose given names and birth dates differ."""
    bits = [0.0] * len(comparisons)
    attributes = [n for n, c in enumerate(comparisons) if c.name.startswith("attribute")]
    birth = next((n for n, c in enumerate(comparisons) if c.name == "birth_date"), None)
    if not attributes or birth is None:
        return bits
    sums = ", ".join(
        f"coalesce(sum(case when g{n} > 0 then 1 else 0 end), 0) as known{n}, "
        f"coalesce(sum(case when g{n} = 1 then 1 else 0 end), 0) as equal{n}"
        for n in attributes
    )
    counts = connection.execute(
        f"select {sums} from {observed} where {_agrees(comparisons, _HOME_PARTS)} "
        f"and {given_names_are(comparisons, NameRelation.DIFFERENT)} and g{birth} > {_AGREEING_BIRTH_LEVELS}"
    ).fetchall()[0]
    for n, known, equal in zip(attributes, counts[::2], counts[1::2], strict=True):
        share = (float(equal) + _PRIOR_PAIRS) / (float(known) + _PRIOR_PAIRS)
        bits[n] = float(np.clip(np.log2(_USUALLY_EQUAL / share), 0.0, _MOST_OWN_BITS))
    return bits


def _one_differs(comparisons: Sequence[PartComparison]) -> list[tuple[Refusal, str]]:
    """Return the conditions of the guards that need one clear difference."""
    conditions = [
        (
            Refusal.GIVEN_NAME,
            f"({given_names_are(comparisons, NameRelation.DIFFERENT, NameRelation.SIMILAR)} and not is_name_typo)",
        ),
        (Refusal.BIRTH_YEAR, "is_generation_apart"),
    ]
    sex = next((n for n, c in enumerate(comparisons) if c.name == "sex"), None)
    if sex is not None:
        alike = given_names_are(comparisons, NameRelation.TYPO, NameRelation.SIMILAR, NameRelation.DIFFERENT)
        conditions.append((Refusal.SEX, f"(g{sex} = {len(comparisons[sex].levels) + 1} and {alike})"))
    return conditions


def _has_other_home(comparisons: Sequence[PartComparison]) -> str:
    """Return the condition that the records are of two homes, so that their evidence is not that of a household."""
    differing = [f"g{n} > {len(c.levels)}" for n, c in enumerate(comparisons) if c.name.startswith(_HOME_PARTS)]
    agreeing = _agrees(comparisons, _HOME_PARTS, nearly=True)
    return f"(({' or '.join(differing) or '1 = 0'}) and not {agreeing})"


def _agrees(comparisons: Sequence[PartComparison], parts: tuple[str, ...], *, nearly: bool = False) -> str:
    """Return the condition that one of the parts is equal, or also nearly equal."""
    found = [
        f"g{n} between 1 and {len(c.levels) if nearly else 1}"
        for n, c in enumerate(comparisons)
        if c.name.startswith(parts)
    ]
    return f"({' or '.join(found) or '1 = 0'})"
