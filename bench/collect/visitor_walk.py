"""Draws random visitors: what each does on which device, what the banner says, and what is decided elsewhere.

A household has one or two persons and devices. A round is one to three events, or a decision in the portal.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

Said = bool | Literal["?"] | None
"""Given, refused, not to be read, or nothing said."""
Form = Literal["segment", "rudderstack", "google", "tcf"]
FORMS: tuple[Form, ...] = ("segment", "rudderstack", "google", "tcf")
ROUNDS = 8


@dataclass(frozen=True)
class Visit:
    """One event. `late_minutes`: how long before its arrival it happened."""

    number: int
    device: str | None
    person: str | None
    analytics: Said
    marketing: Said
    form: Form
    has_control: bool
    kind: Literal["track", "identify", "preference", "alias"]
    former: str | None
    late_minutes: float

    @property
    def message(self) -> dict[str, Any]:
        """The event as an SDK sends it."""
        names = {"track": "Product Viewed", "preference": "Segment Consent Preference Updated"}
        kind = {"preference": "track"}.get(self.kind, self.kind)
        context = {} if self.analytics is None and self.marketing is None else self._context()
        return {"type": kind, "messageId": str(self.number), "event": names.get(self.kind), "context": context}

    def _context(self) -> dict[str, Any]:
        said = {"Analytics": self.analytics, "Advertising": self.marketing}
        if self.form == "segment":
            words = {word: "yes" if one == "?" else one for word, one in said.items() if one is not None}
            return {"consent": {"categoryPreferences": words}}
        if self.form == "rudderstack":
            lists = {True: "allowedConsentIds", False: "deniedConsentIds"}
            found = {name: [w for w, one in said.items() if one is value] for value, name in lists.items()}
            return {"consentManagement": "broken" if "?" in said.values() else found}
        named: dict[Said, str] = {True: "granted", False: "denied", "?": "maybe"}
        if self.form == "google":
            types: dict[str, Said] = {"analytics_storage": self.analytics} | dict.fromkeys(
                ("ad_storage", "ad_user_data", "ad_personalization"), self.marketing
            )
            return {"consent": {name: named[one] for name, one in types.items() if one is not None}}
        return {"consent": {"tcString": tc_string(self.analytics, self.marketing)}}


@dataclass(frozen=True)
class Elsewhere:
    """A decision about analytics that is made elsewhere."""

    person: str
    what: Literal["give", "withdraw", "object"]


def tc_string(analytics: Said, marketing: Said) -> str:
    """Return a TC string: purposes 8 and 9 stand for analytics, 3 and 4 for marketing, and 1 for any consent."""
    if "?" in (analytics, marketing):
        return "CP-broken"
    given = {1} if analytics or marketing else set()
    given |= ({8, 9} if analytics else set()) | ({3, 4} if marketing else set())
    purposes = "".join(str(int(number in given)) for number in range(1, 25))
    bits = f"{2:06b}" + "0" * 146 + purposes + "0" * 88
    return base64.urlsafe_b64encode(int(bits, 2).to_bytes(33, "big")).decode().rstrip("=")


def draw_household(number: int, draw: random.Random, first: int) -> Iterator[list[Visit | Elsewhere]]:
    """Yield the rounds of one household; its events are numbered from `first` on."""
    people = [f"M{number:07d}{letter}" for letter in "AB"[: draw.choice((1, 1, 1, 2))]]
    devices = [f"device-{number}-{letter}" for letter in "ab"[: draw.choice((1, 1, 2))]]
    shown: dict[str, tuple[Said, Said]] = {}
    signed_in: dict[str, str | None] = {}
    for _ in range(ROUNDS):
        if draw.random() < 0.15:
            yield [Elsewhere(draw.choice(people), draw.choice(("give", "give", "withdraw", "withdraw", "object")))]
            continue
        device, visits = draw.choice(devices), list[Visit | Elsewhere]()
        for _ in range(draw.choice((1, 1, 2, 3))):
            kind: Literal["track", "identify", "preference", "alias"] = "track"
            if draw.random() < 0.25 or device not in shown:
                shown[device] = draw.choice(((None, None), (True, True), (True, False), (False, False), (False, None)))
                kind = draw.choice(("track", "preference"))
            if draw.random() < 0.3:
                kind = draw.choice(("identify", "identify", "alias"))
                signed_in[device] = draw.choice([*people, None])
            person, said = signed_in.get(device), shown[device]
            if draw.random() < 0.04:
                said = ("?", said[1])
            form = draw.choice(FORMS)
            # A TC string answers every purpose.
            form = "segment" if form == "tcf" and None in said else form
            if "?" in said and form in ("rudderstack", "tcf"):
                said = ("?", "?")  # the whole signal is broken
            is_server = person is not None and draw.random() < 0.1
            visits.append(
                Visit(
                    first, None if is_server else device, person, *said, form, draw.random() < 0.05,
                    "track" if kind == "alias" and person is None else kind,
                    draw.choice(devices) if kind == "alias" else None,
                    draw.choice((0, 0, 0, 0, 60, 3000)) + len(visits) * -0.05 + 1,
                )
            )  # fmt: skip
            first += 1
        yield visits
