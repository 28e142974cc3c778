"""Comparisons of two records: one Splink comparison per part, with levels from equal to different.

Levels are SQL conditions (DuckDB) over the prepared columns `<column>_l` and `<column>_r`. The levels are the same for
every person file; the file's columns decide which comparisons are used.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from splink.comparison_library import CustomComparison
from splink.internals.comparison_creator import ComparisonCreator
from splink.internals.comparison_level_creator import ComparisonLevelCreator

from pipelines.matching.name_relation import NameRelation
from pipelines.matching.similarity import contains_word, has_common_tokens, is_similar, is_within_edits
from pipelines.matching.standardise.name_form import COMPARABLE

# Term frequencies below this count as this: a rarer value is no stronger evidence than one in 100,000.
RAREST_TERM = 1e-5


@dataclass(frozen=True, slots=True)
class Level:
    """One level of agreement of a comparison.

    Attributes:
        label: shown in explanations.
        sql: condition; it is tested after the conditions of the earlier levels failed.
        match_share: m probability at the start of the training: the share of matching pairs at this level.
        term: column whose term frequencies adjust the weight of the level, because agreement on a rare value is
            stronger evidence; None for no adjustment.
        relation: what the level says about two given names (see `given_names_are`); None in other comparisons.

    """

    label: str
    sql: str
    match_share: float
    term: str | None = None
    relation: NameRelation | None = None


@dataclass(frozen=True, slots=True)
class PartComparison:
    """The comparison of one part.

    Attributes:
        name: name of the comparison, unique among the comparisons of a file.
        column: prepared column that is null where the part is unknown.
        levels: the levels of agreement; every comparison also has the levels "unknown" and "different".
        incomparable: SQL condition under which a pair without a level is "unknown" instead of "different".
    """

    name: str
    column: str
    levels: tuple[Level, ...]
    incomparable: str | None = None

    def level_sql(self) -> str:
        """Return SQL for the level number of a pair: 0 for unknown, 1 for the first level, the last for "different"."""
        whens = " ".join(f"when {level.sql} then {n}" for n, level in enumerate(self.levels, start=1))
        unknown = f"{self.column}_l is null or {self.column}_r is null"
        incomparable = f"when {self.incomparable} then 0 " if self.incomparable else ""
        return f"(case when {unknown} then 0 {whens} {incomparable}else {len(self.levels) + 1} end)::utinyint"

    def creator(
        self, match_shares: Sequence[float], chance_shares: Sequence[float], dialect: Callable[[str], str] = str
    ) -> ComparisonCreator:
        """Return the Splink comparison with trained m and u probabilities.

        Args:
            match_shares: m probability of each level, "different" last.
            chance_shares: u probability of each level, "different" last.
            dialect: translates a DuckDB condition for the database that Splink uses.
        """
        entries: list[ComparisonLevelCreator | dict[str, Any]] = [
            {
                "sql_condition": f"{self.column}_l is null or {self.column}_r is null",
                "label_for_charts": f"{self.name} unknown",
                "is_null_level": True,
            }
        ]
        labelled = [(dialect(lv.sql), lv.label, lv.term) for lv in self.levels] + [
            ("ELSE", f"{self.name} different", None)
        ]
        for (sql, label, term), m, u in zip(labelled, match_shares, chance_shares, strict=True):
            if sql == "ELSE" and self.incomparable:
                # Equal probabilities give the weight 0.
                unknown = {"sql_condition": dialect(self.incomparable), "label_for_charts": f"{self.name} incomparable"}
                entries.append({**unknown, "m_probability": 1.0, "u_probability": 1.0})
            entry = {"sql_condition": sql, "label_for_charts": label, "m_probability": m, "u_probability": u}
            if term:
                entry |= {"tf_adjustment_column": term, "tf_minimum_u_value": RAREST_TERM}
            entries.append(entry)
        return CustomComparison(comparison_levels=entries, output_column_name=self.name)


def comparisons_for(columns: Sequence[str]) -> tuple[PartComparison, ...]:
    """Return the comparisons that the prepared columns allow, in the order of the columns."""
    present = set(columns)
    found: list[PartComparison] = []
    for column in columns:
        kind, _, number = column.rpartition("_")
        maker = _NUMBERED.get(kind) if number.isdigit() else _MAKERS.get(column)
        # The house number is part of the address and counts only once.
        if maker and not (column == "house_number" and "address" in present):
            found.append(maker(column, present))
    return tuple(found)


def given_names_are(comparisons: Sequence[PartComparison], *relations: NameRelation) -> str:
    """Return the SQL condition that two given names have one of the relations, over the observed levels `g0`, `g1`, …

    If given names are not compared, they are unknown.

    >>> given_names_are(comparisons_for(["birth_date", "given"]), NameRelation.DIFFERENT)
    '(g1 in (7))'
    """
    number = next((n for n, c in enumerate(comparisons) if c.name == "given_name"), None)
    if number is None:
        return "true" if NameRelation.UNKNOWN in relations else "(1 = 0)"
    known = [level.relation for level in comparisons[number].levels]
    wanted = [n for n, r in enumerate([NameRelation.UNKNOWN, *known, NameRelation.DIFFERENT]) if r in relations]
    return f"(g{number} in ({', '.join(map(str, wanted))}))" if wanted else "(1 = 0)"


def _given(_: str, present: set[str]) -> PartComparison:
    mixed = "given_cross" in present
    read = _read("given", mixed)
    return PartComparison(
        "given_name",
        read,
        (
            Level("given name equal", f"{read}_l = {read}_r", 0.70, read, NameRelation.SAME),
            Level("given name in another form", _other_form("given", mixed), 0.08, relation=NameRelation.VARIANT),
            Level("given name elsewhere in the name", _elsewhere("given"), 0.04, relation=NameRelation.VARIANT),
            Level("given name nearly equal", _near("given", mixed), 0.08, relation=NameRelation.TYPO),
            Level(
                "initial equal",
                "(length(given_l) = 1 or length(given_r) = 1) and left(given_l, 1) = left(given_r, 1)",
                0.01,
                relation=NameRelation.VARIANT,
            ),
            Level("given name similar", _similar("given"), 0.04, relation=NameRelation.SIMILAR),
        ),
        _incomparable("given", mixed),
    )


def _surname(_: str, present: set[str]) -> PartComparison:
    mixed = "surname_cross" in present
    read, other_form, similar = _read("surname", mixed), _other_form("surname", mixed), _similar("surname")
    levels = [Level("surname equal", f"{read}_l = {read}_r", 0.75, read)]
    if mixed:
        levels.append(Level("surname in another form", other_form, 0.03))
    levels += [
        Level("surname elsewhere in the name", _elsewhere("surname"), 0.04),
        Level("surname nearly equal", _near("surname", mixed), 0.08),
        Level("surname similar", similar if mixed else f"{similar} or {other_form}", 0.04),
    ]
    return PartComparison("surname", read, tuple(levels), _incomparable("surname", mixed))


def _read(part: str, mixed: bool) -> str:
    """Return the column of the name, in which a romanised Korean name is in Hangul.

    So a romanised name is as frequent as its Hangul. Each of its spellings would look like a rare name.
    """
    return f"{part}_hangul" if mixed else part


def _elsewhere(column: str) -> str:
    return contains_word("name_tokens", column)


def _other_form(part: str, mixed: bool) -> str:
    """Return the SQL condition that both names may stand for one name, or that they sound alike in two scripts."""
    both = f"list_has_any({part}_forms_l, {part}_forms_r)"
    if mixed:
        one = " or ".join(f"list_contains({part}_forms_{a}, {part}_form_number_{b})" for a, b in ("lr", "rl"))
        both = f"({both} or {one})"
    forms = f"(({part}_forms_bits_l & {part}_forms_bits_r) <> 0 and {both})"
    if not mixed:
        return forms
    return f"{forms} or ({_other_script(part)} and {part}_cross_l = {part}_cross_r and left({part}_cross_l, 1) = '~')"


def _incomparable(part: str, mixed: bool) -> str:
    """Return the SQL condition that nothing follows from names without a common form, because of their scripts.

    A model of a file in one script needs it for later batches.

    In scripts of which all names can be compared, names that sound nearly alike are no evidence either: there are many
    ways to spell a Korean name in Latin letters.
    """
    if not mixed:
        return f"({part}_l < {_FIRST_JAMO}) <> ({part}_r < {_FIRST_JAMO})"
    comparable = ", ".join(str(one | other) for one, other in COMPARABLE)
    scripts = f"({part}_script_l | {part}_script_r)"
    return f"({_other_script(part)} and ({scripts} not in ({comparable}) or {part}_cross_l = {part}_cross_r))"


def _other_script(part: str) -> str:
    return f"{part}_script_l <> {part}_script_r"


def _near(part: str, mixed: bool) -> str:
    """Return the SQL condition of a typing error. In Hangul it is one letter, because siblings share syllables."""
    latin = is_similar(f"{part}_text", 0.92)
    hangul = f"{_HANGUL.format(part=part)} and {is_within_edits(f'{part}_text', 1)}"
    found = f"({_LATIN.format(part=part)} and {latin}) or ({hangul})"
    if part == "surname" or not mixed:
        # Most Korean surnames have few letters, so two of them are often one letter apart.
        return found
    return f"{found} or ({_other_script(part)} and {is_within_edits(f'{part}_jamo', 1)})"


def _similar(part: str) -> str:
    sound = f"{part}_key_l = {part}_key_r"
    spelling = is_similar(f"{part}_text", 0.84)
    return f"{sound} or ({_LATIN.format(part=part)} and {spelling})"


# Both texts are Latin, or both are Hangul: Hangul sorts after all Latin letters.
_FIRST_JAMO = "'\u3131'"
_LATIN = f"{{part}}_l < {_FIRST_JAMO} and {{part}}_r < {_FIRST_JAMO}"
_HANGUL = f"{{part}}_l >= {_FIRST_JAMO} and {{part}}_r >= {_FIRST_JAMO}"


def _birth_date(column: str, _: set[str]) -> PartComparison:
    return PartComparison(
        "birth_date",
        column,
        (
            Level("birth date equal", "birth_date_l = birth_date_r", 0.78, "birth_date"),
            Level("one digit of the birth date off", is_within_edits("birth_date", 1), 0.10),
            Level(
                "day and month exchanged",
                "birth_year_l = birth_year_r and birth_day_l = right(birth_day_r, 2) || '-' || left(birth_day_r, 2)",
                0.01,
            ),
            Level("two digits of the birth date off", is_within_edits("birth_date", 2), 0.04),
            Level("birth year equal", "birth_year_l = birth_year_r", 0.02),
            Level("birthday equal", "birth_day_l = birth_day_r", 0.01),
        ),
    )


def _sex(column: str, _: set[str]) -> PartComparison:
    return PartComparison("sex", column, (Level("sex equal", "sex_l = sex_r", 0.95),))


def _digits(name: str) -> Callable[[str, set[str]], PartComparison]:
    def make(column: str, _: set[str]) -> PartComparison:
        return PartComparison(
            name if not column[-1].isdigit() else column,
            column,
            (
                Level(f"{name} equal", f"{column}_l = {column}_r", 0.80, column),
                Level(f"one digit of the {name} off", is_within_edits(column, 1), 0.08),
                Level(f"two digits of the {name} off", is_within_edits(column, 2), 0.03),
            ),
        )

    return make


def _email(column: str, _: set[str]) -> PartComparison:
    # People make addresses from their names and add a number if the name is taken, so namesakes have similar addresses.
    # Therefore addresses with different numbers belong to different people and are not "nearly equal".
    near = f"(email_digits_l = email_digits_r and {is_within_edits('email', 2)})"
    return PartComparison(
        "email",
        column,
        (
            Level("e-mail equal", "email_l = email_r", 0.80, "email"),
            Level("e-mail equal but for the provider", "email_local_l = email_local_r", 0.03, "email_local"),
            Level("e-mail nearly equal", near, 0.03),
        ),
    )


def _device(column: str, _: set[str]) -> PartComparison:
    return PartComparison("device", column, (Level("device equal", "device_l = device_r", 0.6, "device"),))


def _postal_code(column: str, _: set[str]) -> PartComparison:
    return PartComparison(
        "postal_code",
        column,
        (
            Level("postal code equal", "postal_code_l = postal_code_r", 0.65, "postal_code"),
            Level("one character of the postal code off", is_within_edits("postal_code", 1), 0.08),
            Level("postal area equal", "postal_area_l = postal_area_r", 0.08),
            Level(
                "two characters of the postal code off",
                is_within_edits("postal_code", 2),
                0.03,
            ),
            Level("postal region equal", "left(postal_code_l, 2) = left(postal_code_r, 2)", 0.03),
        ),
    )


def _address(column: str, present: set[str]) -> PartComparison:
    fewest = "least(array_length(address_tokens_l), array_length(address_tokens_r))"
    is_apart = "house_number" in present
    # An error in the street moves all letters behind it, so a number in a column of its own is compared as a whole.
    near = is_similar("address", 0.93)
    if is_apart:
        near += f" or (house_number_l = house_number_r and {is_similar('street', 0.93)})"
    most, half = f"greatest(2, {fewest} * 2 / 3.0)", f"({fewest} / 2.0)"
    return PartComparison(
        "address",
        column,
        (
            Level("address equal", "address_l = address_r", 0.55, "address"),
            Level("address nearly equal", near, 0.15),
            Level("most words of the address shared", has_common_tokens("address_tokens", most), 0.05),
            Level("half of the address shared", has_common_tokens("address_tokens", half), 0.05),
            Level("address similar", is_similar("address", 0.80), 0.04),
            *([Level("house number equal", "house_number_l = house_number_r", 0.04)] if is_apart else []),
        ),
    )


def _place(column: str, _: set[str]) -> PartComparison:
    return PartComparison(
        column,
        column,
        (
            Level("place equal", f"{column}_l = {column}_r", 0.75, column),
            Level(
                "place nearly equal",
                is_similar(column, 0.9),
                0.08,
            ),
            Level(
                "place contained",
                f"contains({column}_l, {column}_r) or contains({column}_r, {column}_l)",
                0.03,
            ),
        ),
    )


def _attribute(column: str, _: set[str]) -> PartComparison:
    return PartComparison(column, column, (Level(f"{column} equal", f"{column}_l = {column}_r", 0.8, column),))


_MAKERS: dict[str, Callable[[str, set[str]], PartComparison]] = {
    "given": _given,
    "surname": _surname,
    "birth_date": _birth_date,
    "sex": _sex,
    "phone": _digits("phone"),
    "email": _email,
    "device": _device,
    "postal_code": _postal_code,
    "address": _address,
    "house_number": _attribute,
}
_NUMBERED: dict[str, Callable[[str, set[str]], PartComparison]] = {
    "household": _attribute,
    "identifier": _digits("identifier"),
    "place": _place,
    "attribute": _attribute,
}
