"""The rules of consent at collection: when an answer is new, when it is recorded, and what an event may become.

An answer is sent with every event, long after it was given. So only a change of a device's answers is a statement:

- A refusal counts at once. An answer older than the device's last one changes nothing; of equal age, a refusal counts.
- A consent is recorded for a person who has no record about the purpose. It replaces a refusal or withdrawal only as a
  statement: an event of that person in which the device's answer turns from refusal to consent, or the event in which
  the banner reports changed preferences. A cookie from before a withdrawal never undoes it.
- An event of a known person needs the consent of the person. An event of a visitor needs that of the device, and of
  every person who was identified on the device. In both cases a refusal of the device or in the event itself denies.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from privacy.consent.signal.reading import Answer
from privacy.consent.state import PERMITTING, State


class Verdict(StrEnum):
    """Whether the purpose of a source is permitted: it is, it is not, or nothing was decided."""

    PERMITTED = "permitted"
    DENIED = "denied"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class DeviceAnswer:
    """The last answer of a device about a purpose. `at`: time of the first event with it, UTC."""

    answer: Answer
    at: datetime


def is_new(before: DeviceAnswer | None, answer: Answer, at: datetime) -> bool:
    """Return whether an answer in an event of the time `at` changes the device's last one."""
    if answer is Answer.UNREADABLE:
        return False
    if before is None:
        return True
    if answer is before.answer:
        return False
    return at >= before.at if answer is Answer.REFUSED else at > before.at


def is_recorded(answer: Answer, latest: State | None, *, is_statement: bool) -> bool:
    """Return whether a new answer of a device becomes a record of the person who is known there.

    Args:
        answer: the answer.
        latest: state of the person's last record about the purpose; None without any.
        is_statement: whether the person makes the statement in this event, see the module.
    """
    if answer is Answer.GIVEN:
        return latest is None or (is_statement and latest not in PERMITTING)
    return answer is Answer.REFUSED and (latest is None or latest in PERMITTING)


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
    deciding = persons or (device,)
    return Verdict.PERMITTED if set(deciding) == {Verdict.PERMITTED} else Verdict.UNDECIDED
