"""The rules of consent at collection: when an answer is new, when it is recorded, and what an event may become.

An answer is sent with every event, long after it was given. So only a change of a device's answers is a statement:

- A refusal counts at once. An answer older than the device's last one changes nothing; of equal age, a refusal counts.
- A consent is recorded for a person who has no record about the purpose. It replaces a refusal or withdrawal only as a
  statement that is newer: an event of that person in which the device's answer turns from refusal to consent, or in
  which the banner reports changed preferences. A cookie from before a withdrawal never undoes it.
- An event needs the consent of its person, or of the device. A refusal of the person, of the device, in the event
  itself, or of any person who was identified on the device of an anonymous event, denies it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from privacy.consent.record import ConsentRecord
from privacy.consent.signal.reading import Answer
from privacy.consent.state import PERMITTING, State

UNANSWERED = frozenset({State.REQUESTED, State.REQUEST_DEFERRED})
"""States of a consent that was asked for and neither given nor refused."""


class Verdict(StrEnum):
    """Whether the purpose of a source is permitted: it is, it is not, or nothing was decided."""

    PERMITTED = "permitted"
    DENIED = "denied"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class DeviceAnswer:
    """The last answer of a device about a purpose. `at`: UTC time of the event that it counts from."""

    answer: Answer
    at: datetime


def followed(before: DeviceAnswer | None, answer: Answer, at: datetime) -> DeviceAnswer | None:
    """Return the device's last answer after an event of the time `at` with this answer; None if it stays as it was."""
    if answer is Answer.UNREADABLE:
        return None
    if before is None:
        return DeviceAnswer(answer, at)
    if answer is Answer.REFUSED:
        # A repeated refusal moves on, so that a late event from before it cannot permit again.
        is_later = at > before.at if before.answer is answer else at >= before.at
    else:
        is_later = before.answer is not answer and at > before.at
    return DeviceAnswer(answer, at) if is_later else None


def is_recorded(answer: Answer, latest: ConsentRecord | None, said_at: datetime | None) -> bool:
    """Return whether a new answer of a device becomes a record of a person who is known there.

    Args:
        answer: the answer.
        latest: the person's last record about the purpose; None without any.
        said_at: the shop's wall time of the event, if the person makes the statement in it; see the module.
    """
    if latest is None or latest.state in UNANSWERED:
        return answer is not Answer.UNREADABLE
    if answer is Answer.GIVEN:
        return latest.state not in PERMITTING and said_at is not None and said_at > latest.effective_at
    return answer is Answer.REFUSED and latest.state in PERMITTING


def device_verdict(answer: DeviceAnswer | None) -> Verdict:
    """Return the verdict of a device's last answer."""
    if answer is None:
        return Verdict.UNDECIDED
    return Verdict.PERMITTED if answer.answer is Answer.GIVEN else Verdict.DENIED


def event_verdict(own: Answer | None, device: Verdict, persons: Collection[Verdict]) -> Verdict:
    """Return the verdict on an event.

    Args:
        own: the answer in the event itself.
        device: verdict of the device.
        persons: verdict of the event's person, or of each person who was identified on the device.

    >>> event_verdict(None, Verdict.PERMITTED, [Verdict.PERMITTED, Verdict.DENIED]).value
    'denied'
    >>> event_verdict(None, Verdict.UNDECIDED, [Verdict.PERMITTED]).value
    'permitted'
    """
    if own in (Answer.REFUSED, Answer.UNREADABLE) or device is Verdict.DENIED or Verdict.DENIED in persons:
        return Verdict.DENIED
    is_permitted = device is Verdict.PERMITTED or (Verdict.PERMITTED in persons and Verdict.UNDECIDED not in persons)
    return Verdict.PERMITTED if is_permitted else Verdict.UNDECIDED
