"""The consents of a signed-in person: what each purpose means, what it rests on, and whether it is allowed."""

from __future__ import annotations

from dataclasses import dataclass

from installation.contract.plain_name import PlainNames
from installation.installation import Installation
from privacy.consent.law import GuardianRule, SensitiveApartRule
from privacy.consent.service import Statement, Terms
from privacy.contract.vocabulary import load_vocabulary
from privacy.rights.wording import Language, Wording

NOTICE_VERSION = "portal-1"
"""Version of the texts in `template/consent.html.j2`. Raise it with every change of what the notice says."""
METHOD = "portal"


@dataclass(frozen=True)
class PurposeState:
    """One purpose as a person sees it.

    Attributes:
        name: of the taxonomy.
        meaning: in plain words.
        basis: what it rests on.
        is_allowed: whether it is permitted now.
        is_consent: whether the person can give and withdraw a consent of its own.
        can_withdraw: whether there is a consent to withdraw.
        yields_to_objection: whether an objection stops it.
    """

    name: str
    meaning: Wording
    basis: str
    is_allowed: bool
    is_consent: bool
    can_withdraw: bool
    yields_to_objection: bool


@dataclass(frozen=True)
class Notice:
    """What a person is told before a consent: data, retention, and the age under which a guardian consents."""

    purpose: PurposeState
    fields: tuple[Wording, ...]
    retention: tuple[Wording, ...]
    categories: tuple[str, ...]
    least_age: int


def purpose_states(installation: Installation, names: PlainNames, customer_id: str) -> list[PurposeState]:
    """Return every purpose of the taxonomy with its state for a person."""
    service = installation.consent_service()
    taxonomy = service.policy.taxonomy
    verdicts = service.verdicts(customer_id, installation.decision_moment())
    return [
        PurposeState(
            name=name, meaning=names.purpose(name), basis=purpose.basis, is_allowed=verdicts[name],
            is_consent=taxonomy.consent_of(name) == name,
            can_withdraw=taxonomy.consent_of(name) is not None and verdicts[name],
            yields_to_objection="objection" in purpose.yields_to,
        )
        for name, purpose in taxonomy.purposes.items()
    ]  # fmt: skip


def notice_of(installation: Installation, names: PlainNames, purpose: PurposeState, country: str) -> Notice:
    """Return the notice about a purpose: the data that serve it, by the contracts."""
    rules = [rule for law in installation.policy.laws if law.jurisdiction == country for rule in law.rules]
    is_apart = any(isinstance(rule, SensitiveApartRule) and purpose.name in rule.purposes for rule in rules)
    vocabulary = load_vocabulary()
    fields: dict[Wording, None] = {}
    kept: dict[Wording, None] = {}
    categories: set[str] = set()
    for contract in installation.contracts.values():
        serving = [
            column for column in contract.columns
            if purpose.name in column.purposes and vocabulary.is_personal(column.category)
            # Sensitive data need a consent of their own, which covers nothing else.
            and vocabulary.is_special(column.category) == is_apart
        ]  # fmt: skip
        if serving:
            kept[names.kept(contract)] = None
            fields |= dict.fromkeys(names.column(contract, column.name) for column in serving)
            categories |= {column.category for column in serving}
    ages = [rule.under_years for rule in rules if isinstance(rule, GuardianRule)]
    return Notice(purpose, tuple(fields), tuple(kept), tuple(sorted(categories)), max(ages, default=0))


def give(
    installation: Installation, notice: Notice, customer_id: str, age_years: int, language: Language, country: str,
    shown: bytes,
) -> None:  # fmt: skip
    """Record a consent to one purpose, asked for separately, with the page that was shown as evidence."""
    terms = Terms(
        notice_version=NOTICE_VERSION, notice_language=language, jurisdiction=country,
        data_categories=notice.categories, age_years=age_years, asked="separately",
    )  # fmt: skip
    installation.consent_service().grant(customer_id, notice.purpose.name, terms, Statement(METHOD, evidence=shown))


def withdraw(installation: Installation, customer_id: str, purpose: str) -> None:
    """Record the withdrawal of a consent. It counts from the next read on."""
    installation.consent_service().withdraw(customer_id, purpose, Statement(METHOD))
