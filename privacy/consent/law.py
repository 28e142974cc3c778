"""Defines the kinds of legal rule that the YAML files under `law/` may contain, and reads these files.

Most rules become an `Exclusion` (a permitting record does not count when all tests hold) or a `Lapse` (a record counts
for some days only). An `HoursRule` and the rules about categories are used directly. The decision uses only these
forms, so a new kind of rule that becomes one of them needs no other code.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, time
from importlib import resources
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from privacy.consent.errors import RuleError

Operator = Literal["in", "not_in", "below", "below_or_unknown", "covers_any", "covers_none", "covers_other"]
Item = Literal["required", "optional"]


@dataclass(frozen=True)
class Condition:
    """A test of one column of a record; `value` is a set of texts, or for the two `below` operators a number."""

    column: str
    operator: Operator
    value: frozenset[str] | int


@dataclass(frozen=True)
class Exclusion:
    """A permitting record does not count when all tests hold."""

    rule_id: str
    article: str
    tests: tuple[Condition, ...]


@dataclass(frozen=True)
class Lapse:
    """A permitting record of these purposes under this jurisdiction counts only for this number of days."""

    rule_id: str
    article: str
    jurisdiction: str
    purposes: frozenset[str]
    days: int


class Rule(BaseModel):
    """Base of all kinds of rule: an id, the article of law, and a sentence that explains the rule."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    article: Annotated[str, Field(min_length=5)]
    says: Annotated[str, Field(min_length=20)]

    def exclusions(self, jurisdiction: str, items: dict[Item, frozenset[str]]) -> Iterator[Exclusion]:
        """Yield the exclusions by this rule: tests of consent records that do not count. None by default.

        `items` maps `required` and `optional` to their purposes.
        """
        yield from ()

    def _under(self, jurisdiction: str, *tests: Condition) -> Exclusion:
        here = Condition("jurisdiction", "in", frozenset({jurisdiction}))
        return Exclusion(self.id, self.article, (here, *tests))


class GuardianRule(Rule):
    """Consent of a person under an age counts only when a guardian gave it."""

    kind: Literal["guardian"]
    under_years: Annotated[int, Field(ge=1, le=21)]
    unknown_age_counts_as_under: bool = True

    def exclusions(self, jurisdiction: str, items: dict[Item, frozenset[str]]) -> Iterator[Exclusion]:
        """Yield one exclusion: records of persons under the age limit that no guardian expressed."""
        operator: Operator = "below_or_unknown" if self.unknown_age_counts_as_under else "below"
        yield self._under(
            jurisdiction,
            Condition("age_years", operator, self.under_years),
            Condition("expressed_by", "not_in", frozenset({"guardian"})),
        )


class AskedSeparatelyRule(Rule):
    """Consent to required or optional purposes counts only when it was asked for in one of the listed ways."""

    kind: Literal["asked_separately"]
    items: tuple[Item, ...]
    counted: tuple[Literal["separately", "bundled", "condition_of_service"], ...]

    def exclusions(self, jurisdiction: str, items: dict[Item, frozenset[str]]) -> Iterator[Exclusion]:
        """Yield one exclusion: records about these purposes whose consent was asked for in a way that is not listed."""
        concerned = frozenset[str]().union(*(items[item] for item in self.items))
        yield self._under(
            jurisdiction,
            Condition("purpose", "in", concerned),
            Condition("asked", "not_in", frozenset(self.counted)),
        )


class CategoryNeedsStatuteRule(Rule):
    """Some data categories may be processed only for purposes for which a statute names them."""

    kind: Literal["category_needs_statute"]
    categories: tuple[str, ...]
    statutes: dict[str, Annotated[str, Field(min_length=5)]]

    def exclusions(self, jurisdiction: str, items: dict[Item, frozenset[str]]) -> Iterator[Exclusion]:
        """Yield one exclusion: records that cover such a category, for a purpose that has no statute."""
        yield self._under(
            jurisdiction,
            Condition("purpose", "not_in", frozenset(self.statutes)),
            Condition("data_categories", "covers_any", frozenset(self.categories)),
        )


class SensitiveApartRule(Rule):
    """Some data categories may be processed only with a consent of their own, separate from that to other data."""

    kind: Literal["sensitive_apart"]
    categories: Annotated[tuple[str, ...], Field(min_length=1)]
    purposes: tuple[str, ...]
    statutes: dict[str, Annotated[str, Field(min_length=5)]]

    def exclusions(self, jurisdiction: str, items: dict[Item, frozenset[str]]) -> Iterator[Exclusion]:
        """Yield three exclusions for records about these purposes.

        Excluded are records that were not asked for separately, cover none of the categories, or also cover others.
        """
        here = Condition("purpose", "in", frozenset(self.purposes))
        categories = frozenset(self.categories)
        yield self._under(jurisdiction, here, Condition("asked", "not_in", frozenset({"separately"})))
        yield self._under(jurisdiction, here, Condition("data_categories", "covers_none", categories))
        yield self._under(jurisdiction, here, Condition("data_categories", "covers_other", categories))


class ReconfirmationRule(Rule):
    """Consent to these purposes lapses unless it is renewed within some days."""

    kind: Literal["reconfirmation"]
    purposes: tuple[str, ...]
    within_days: Annotated[int, Field(ge=1)]


class HoursRule(Rule):
    """Within some hours of the day, a purpose needs the consent to another purpose as well."""

    kind: Literal["hours"]
    purposes: tuple[str, ...]
    start: Annotated[time, Field(alias="from")]
    end: Annotated[time, Field(alias="to")]
    needs: str

    def holds_at(self, at: datetime) -> bool:
        """Return whether a local wall time lies within the hours, which include the start and exclude the end.

        >>> rule = built_in_laws()[0].hours_of("advertising_message")
        >>> [rule.holds_at(datetime(2026, 1, 1, hour, minute)) for hour, minute in ((20, 59), (21, 0), (7, 59), (8, 0))]
        [False, True, True, False]
        """
        clock = at.time()
        if self.start <= self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end


class PseudonymisedFormRule(Rule):
    """Some purposes may read only pseudonymised data: no column that identifies a person by itself."""

    kind: Literal["pseudonymised_form"]
    purposes: tuple[str, ...]


AnyRule = Annotated[
    GuardianRule
    | AskedSeparatelyRule
    | CategoryNeedsStatuteRule
    | SensitiveApartRule
    | ReconfirmationRule
    | HoursRule
    | PseudonymisedFormRule,
    Field(discriminator="kind"),
]


class Law(BaseModel):
    """The rules of one jurisdiction."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    jurisdiction: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    rules: tuple[AnyRule, ...]

    def hours_of(self, purpose: str) -> HoursRule | None:
        """Return the hours rule of a purpose; None when there is none."""
        return next((r for r in self.rules if isinstance(r, HoursRule) and purpose in r.purposes), None)

    def lapses(self) -> Iterator[Lapse]:
        """Yield the lapses: how long consents count."""
        for rule in self.rules:
            if isinstance(rule, ReconfirmationRule):
                yield Lapse(rule.id, rule.article, self.jurisdiction, frozenset(rule.purposes), rule.within_days)


def read_law(text: str, name: str) -> Law:
    """Return the law of one YAML file; `name` is the file name, for messages.

    Raises:
        RuleError: names every fault of the file.
    """
    try:
        content: Any = yaml.safe_load(text)
        return Law.model_validate(content)
    except yaml.YAMLError as error:
        raise RuleError(f"{name}: cannot be read as YAML; correct it: {error}") from error
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise RuleError(f"{name}: {faults}. The kinds of rule and their keys are in docs/consent.md.") from error


def built_in_laws() -> tuple[Law, ...]:
    """Return the laws that come with Bojagi, in the order of their file names."""
    folder = resources.files(__package__).joinpath("law")
    return tuple(_read_all(sorted(folder.iterdir(), key=lambda file: file.name)))


def _read_all(files: Iterable[Any]) -> Iterator[Law]:
    for file in files:
        if file.name.endswith(".yaml"):
            yield read_law(file.read_text("utf-8"), file.name)
