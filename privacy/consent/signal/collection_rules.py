"""The policy of a collected source, property `collection` of its contract: which consent its events need.

An answer of a visitor is a word of some vendor, such as the category "Analytics" of a consent banner. The rules map
these words to purposes of the taxonomy. A purpose counts as consented only where every word that maps to it agrees.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from privacy.consent.errors import RuleError, describe_faults
from privacy.consent.purpose import Taxonomy
from privacy.consent.record import Asked
from privacy.consent.service import Terms

Purposes = tuple[str, ...]
GOOGLE_CONSENT: dict[str, Purposes] = {
    "analytics_storage": ("analytics",),
    "ad_storage": ("marketing",),
    "ad_user_data": ("marketing",),
    "ad_personalization": ("marketing",),
    "personalization_storage": ("personalisation",),
}
"""Types of Google's consent mode, version 2."""
_EVERY: Purposes = ("analytics", "personalisation", "marketing")
TCF_PURPOSES: dict[int, Purposes] = {
    # Purpose 1, to store or read information on the device, is what the identifier of a visitor needs.
    1: _EVERY,
    **dict.fromkeys((3, 4), ("marketing",)),
    **dict.fromkeys((5, 6), ("personalisation",)),
    **dict.fromkeys((8, 9), ("analytics",)),
}


class _Rules(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)


class BannerNotice(_Rules):
    """The notice of the consent banner. `least_age`: age in years that a visitor confirms there; None: not asked."""

    version: Annotated[str, Field(min_length=1, max_length=200)]
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]+)*$")] = "ko"
    jurisdiction: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = "KR"
    asked: Asked
    least_age: Annotated[int, Field(ge=0, le=150)] | None = None


class CollectionRules(_Rules):
    """The policy of one source.

    Attributes:
        purpose: purpose for which events are stored; it must be permitted.
        user_ids: whether the senders prove who their users are. A server that has signed the user in does (`trusted`);
            a browser whose write key anybody can read does not (`claimed`). Of a claimed user, a consent counts for the
            event and is not recorded for the person.
        undecided: what happens to an event whose visitor has not decided: it waits, or it is dropped.
        wait_days: time after which a waiting event is deleted.
        answer_days: time for which the answer of a device without a known person counts.
        notice: what the banner said.
        categories: the banner's categories (Segment, RudderStack) and the purposes that each maps to.
        google_consent: the same for the types of Google's consent mode.
        tcf_purposes: the same for the purposes of a TC string.
        privacy_control: purposes that Global Privacy Control (`Sec-GPC: 1`) refuses.
    """

    purpose: str
    user_ids: Literal["trusted", "claimed"] = "claimed"
    undecided: Literal["wait", "drop"] = "drop"
    wait_days: Annotated[int, Field(ge=1, le=30)] = 7
    answer_days: Annotated[int, Field(ge=1, le=730)] = 365
    notice: BannerNotice
    categories: Mapping[str, Purposes] = Field(default_factory=dict)
    google_consent: Mapping[str, Purposes] = Field(default_factory=lambda: dict(GOOGLE_CONSENT))
    tcf_purposes: Mapping[int, Purposes] = Field(default_factory=lambda: dict(TCF_PURPOSES))
    privacy_control: Purposes = ("marketing",)

    @model_validator(mode="after")
    def _knows_types(self) -> CollectionRules:
        if unknown := sorted(self.google_consent.keys() - GOOGLE_CONSENT.keys()):
            raise ValueError(f"got {', '.join(unknown)}; expected types of consent mode: {', '.join(GOOGLE_CONSENT)}")
        return self

    @property
    def terms(self) -> Terms:
        """The terms of a consent that is given in the banner, without the data that it covers."""
        notice = self.notice
        return Terms(
            notice_version=notice.version, notice_language=notice.language, jurisdiction=notice.jurisdiction,
            age_years=notice.least_age, asked=notice.asked,
        )  # fmt: skip

    def mapped_purposes(self) -> set[str]:
        """Return every purpose that some signal maps to."""
        maps: tuple[Mapping[Any, Purposes], ...] = (self.categories, self.google_consent, self.tcf_purposes)
        return {purpose for words in maps for purposes in words.values() for purpose in purposes} | {
            *self.privacy_control
        }


def read_rules(value: Mapping[str, Any], taxonomy: Taxonomy) -> CollectionRules:
    """Return the rules of a contract's property `collection`.

    Raises:
        RuleError: names every fault, or a consent in this banner would never count by law.
        UnknownPurposeError: a purpose is not in the taxonomy.
    """
    try:
        rules = CollectionRules.model_validate(value)
    except ValidationError as error:
        raise RuleError(
            f"collection: {describe_faults(error)}. The keys are explained in docs/consent-at-collection.md."
        ) from error
    for purpose in sorted(rules.mapped_purposes()):
        if taxonomy.consent_of(purpose) != purpose:
            raise RuleError(f"collection: {purpose} has no consent of its own; map the signal to a purpose that has.")
    base = taxonomy.consent_of(rules.purpose)
    if base is not None and base not in rules.mapped_purposes():
        raise RuleError(f"collection: no signal maps to {base}, so no event could be stored; map a category to it.")
    return rules
