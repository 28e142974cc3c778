"""The policy: the purposes and laws that decide whether a purpose is permitted; `frame` and `timeline` execute it.

The decision, in words. At a moment, for a customer and a purpose:

1. Each source person of the customer has three streams of records for each purpose: consent, objection, restriction. A
   record does not count when another one of the stream corrects it: the other one names it as superseded, was recorded
   at the same time or later, and takes effect at the same time or earlier. Of the remaining records, the one that took
   effect last is in force. Of several that took effect at one moment, it is the one recorded last; of several recorded
   at one moment, the most restrictive one.
2. A consent record in force permits when its state is *given* or *renewed*, it has not expired, no law excludes it,
   and its time has not lapsed.
3. A purpose that rests on consent is permitted when at least one of the customer's source persons has a consent record
   in force about it, and all such records permit it. A purpose on another basis is permitted.
   A purpose may rest on the consent to another purpose (`advertising_message` on `marketing`): then the records about
   that other purpose decide.
4. A purpose that rests on the consent to another one is also denied by its own records: by a consent record in force
   about the purpose itself, of any source person, that does not permit. So it can be withdrawn alone. An own record
   that permits is not enough: the consent to the other purpose is needed as well.
5. An objection or restriction in force denies the purpose, if the purpose yields to it. It may be of any source person
   of the customer. It may name the purpose, the purpose that it rests on, or every purpose.
6. Within the hours of an hours rule, the purpose that the rule names must be permitted as well.
7. An unread record, of any source person, denies the purpose if it rests on consent. It may name the purpose, the
   purpose that it rests on, or every purpose. It denies from its time of effect on.
   It ends when another record of the same source person names it as superseded, of whatever kind. An unread record
   itself corrects no other record, so it never permits more than its absence.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import sha256
from typing import Literal

from privacy.consent.errors import CategoryRefused, RuleError
from privacy.consent.law import (
    CategoryNeedsStatuteRule,
    Condition,
    Exclusion,
    HoursRule,
    Lapse,
    Law,
    PseudonymisedFormRule,
    SensitiveApartRule,
    built_in_laws,
)
from privacy.consent.purpose import Taxonomy, built_in_taxonomy
from privacy.consent.state import EVERY_PURPOSE, PERMITTING, StreamKind
from privacy.contract.vocabulary import load_vocabulary

Slot = Literal["need", "night", "block", "refusal", "night_block"]


@dataclass(frozen=True)
class Bearing:
    """The way in which records of one stream and purpose count for a target purpose.

    Attributes:
        kind: the stream.
        purpose: the purpose that the records name; `*` for all.
        target: the purpose that is decided.
        slot: the effect of such a record on the target.
            need: permitted only if there is a record in force and all records in force permit.
            night: as need, but only within the hours of an hours rule.
            block: denied while the record objects or restricts.
            refusal: denied while the record is in force and does not permit.
            night_block: as block, but only within the hours.
    """

    kind: StreamKind
    purpose: str
    target: str
    slot: Slot


@dataclass(frozen=True)
class Policy:
    """Taxonomy and laws, checked against each other.

    Raises:
        RuleError: a rule names an unknown purpose, or one that it cannot apply to.
    """

    taxonomy: Taxonomy
    laws: tuple[Law, ...]

    def __post_init__(self) -> None:
        for law in self.laws:
            for rule in law.rules:
                named = (*getattr(rule, "purposes", ()), *([rule.needs] if isinstance(rule, HoursRule) else ()))
                for purpose in named:
                    if purpose not in self.taxonomy.purposes:
                        known = ", ".join(self.taxonomy.purposes)
                        raise RuleError(
                            f"{law.jurisdiction}: rule {rule.id} names the purpose {purpose}; expected one of {known}."
                        )
                if isinstance(rule, HoursRule):
                    self._check_hours(rule)
                if isinstance(rule, SensitiveApartRule):
                    self._check_sensitive(rule)
        for purpose in self.taxonomy.purposes:
            if sum(law.hours_of(purpose) is not None for law in self.laws) > 1:
                raise RuleError(f"Several laws set hours for {purpose}; expected at most one.")

    @property
    def purposes(self) -> tuple[str, ...]:
        """Names of all purposes, in the order of the taxonomy."""
        return tuple(self.taxonomy.purposes)

    @cached_property
    def digest(self) -> str:
        """A hash of all purposes, laws and bearings; when it changes, verdicts may change."""
        laws = [law.model_dump_json() for law in self.laws]
        bearings = [f"{b.kind} {b.purpose} {b.target} {b.slot}" for b in self.bearings()]
        return sha256("\n".join([self.taxonomy.model_dump_json(), *laws, *bearings]).encode()).hexdigest()

    def can_refuse(self, purpose: str) -> bool:
        """Return whether a customer can deny the purpose. False for a purpose that the law demands."""
        return any(bearing.target == purpose for bearing in self.bearings())

    def permits_by_default(self, purpose: str) -> bool:
        """Return whether a purpose is permitted for a customer without records: True where it rests on no consent."""
        return self.taxonomy[purpose].basis != "consent"

    def hours_of(self, purpose: str) -> HoursRule | None:
        """Return the hours rule of a purpose, or None. It binds the sender, wherever the receiver is."""
        return next((rule for law in self.laws if (rule := law.hours_of(purpose))), None)

    def exclusions(self) -> tuple[Exclusion, ...]:
        """Return the tests of consent records that do not permit: by state, by an unknown jurisdiction, by a law."""
        known = frozenset(law.jurisdiction for law in self.laws)
        items = {"required": self.taxonomy.with_item("required"), "optional": self.taxonomy.with_item("optional")}
        return (
            Exclusion("state", "ISO/IEC TS 27560", (Condition("state", "not_in", frozenset(PERMITTING)),)),
            Exclusion("known_jurisdiction", "law/*.yaml", (Condition("jurisdiction", "not_in", known),)),
            *(
                exclusion
                for law in self.laws
                for rule in law.rules
                for exclusion in rule.exclusions(law.jurisdiction, items)  # type: ignore[arg-type]
            ),
        )

    def lapses(self) -> tuple[Lapse, ...]:
        """Return the rules on how long consent records permit."""
        return tuple(lapse for law in self.laws for lapse in law.lapses())

    def bearings(self) -> tuple[Bearing, ...]:
        """Return the bearings on all purposes: which records count for which purpose, and how."""
        return tuple(bearing for purpose in self.purposes for bearing in self._bearings_on(purpose))

    def check_categories(self, purpose: str, categories: frozenset[str], jurisdiction: str = "KR") -> None:
        """Check that the law allows a purpose to read these data categories, whatever customers agreed to.

        Raises:
            CategoryRefused: names the refused categories and the articles.
            UnknownPurposeError: no such purpose.
        """
        faults = dict(self._refusals(purpose, categories, jurisdiction))
        if faults:
            what = ", ".join(sorted({c for refused in faults.values() for c in refused}))
            raise CategoryRefused(
                f"The purpose {purpose} may not read {what} ({'; '.join(faults)}); leave these columns out.",
                tuple(faults),
            )

    def _refusals(
        self, purpose: str, categories: frozenset[str], jurisdiction: str
    ) -> list[tuple[str, frozenset[str]]]:
        vocabulary = load_vocabulary()
        is_pseudonymised = self.taxonomy[purpose].form == "pseudonymised"
        naming = frozenset(c for c in categories if vocabulary.is_identifying(c))
        refused: list[tuple[str, frozenset[str]]] = []
        for law in self.laws:
            if law.jurisdiction != jurisdiction:
                continue
            for rule in law.rules:
                if isinstance(rule, CategoryNeedsStatuteRule) and purpose not in rule.statutes:
                    refused.append((rule.article, categories & frozenset(rule.categories)))
                if isinstance(rule, SensitiveApartRule) and purpose not in {*rule.purposes, *rule.statutes}:
                    refused.append((rule.article, categories & frozenset(rule.categories)))
                if isinstance(rule, PseudonymisedFormRule) and purpose in rule.purposes:
                    refused.append((rule.article, naming))
        if is_pseudonymised:
            refused.append((self.taxonomy[purpose].article or "purpose.yaml", naming))
        return [(article, found) for article, found in refused if found]

    def _check_sensitive(self, rule: SensitiveApartRule) -> None:
        for purpose in rule.purposes:
            if self.taxonomy.consent_of(purpose) != purpose:
                raise RuleError(
                    f"Rule {rule.id} lets {purpose} read sensitive data; expected a purpose with a consent of its own."
                )

    def _check_hours(self, rule: HoursRule) -> None:
        for purpose in rule.purposes:
            if self.taxonomy.consent_of(purpose) is None:
                raise RuleError(f"Rule {rule.id} sets hours for {purpose}; expected a purpose that rests on consent.")
        if self.taxonomy.consent_of(rule.needs) != rule.needs:
            raise RuleError(f"Rule {rule.id} needs {rule.needs}; expected a purpose with a consent of its own.")

    def _bearings_on(self, target: str) -> list[Bearing]:
        purpose, consent = self.taxonomy[target], self.taxonomy.consent_of(target)
        found: list[Bearing] = []
        if consent is not None:
            found.append(Bearing("consent", consent, target, "need"))
            if consent != target:
                found.append(Bearing("consent", target, target, "refusal"))
            named = dict.fromkeys((target, consent, EVERY_PURPOSE))
            found += [Bearing("unread", purpose_named, target, "block") for purpose_named in named]
        for kind in purpose.yields_to:
            named = dict.fromkeys((target, consent or target, EVERY_PURPOSE))
            found += [Bearing(kind, purpose_named, target, "block") for purpose_named in named]
        if hours := self.hours_of(target):
            found.append(Bearing("consent", hours.needs, target, "night"))
            kinds: tuple[StreamKind, ...] = ("objection", "restriction", "unread")
            found += [Bearing(kind, hours.needs, target, "night_block") for kind in kinds]
        return found


@cache
def built_in_policy() -> Policy:
    """Return the policy that comes with Bojagi; the same object every time."""
    return Policy(built_in_taxonomy(), built_in_laws())
