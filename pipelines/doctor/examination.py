"""Runs examinations: each by itself, in a thread, for a limited time. What does not answer in time is a finding."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from agent_serving.errors import ServingError
from features.errors import FeatureError
from installation.errors import InstallationError
from installation.event_log import log_error
from pipelines.errors import PipelineError
from privacy.errors import PrivacyError

LONGEST_SECONDS = 120.0
"""An examination that takes longer is reported as failed. An engine starts in 20 s on a quiet machine."""
_OWN = (FeatureError, InstallationError, PipelineError, PrivacyError, ServingError)


class Outcome(StrEnum):
    """How an examination ended. Only `failed` makes the command fail."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """What an examination found. `remedy` is the next step; empty if there is none to take."""

    subject: str
    outcome: Outcome
    text: str
    remedy: str = ""


@dataclass(frozen=True)
class Result:
    """What the body of an examination returns; the subject is added."""

    outcome: Outcome
    text: str
    remedy: str = ""

    @classmethod
    def ok(cls, text: str) -> Result:
        """Return the result of a part that works."""
        return cls(Outcome.OK, text)

    @classmethod
    def warn(cls, text: str, remedy: str) -> Result:
        """Return the result of a part that works, and should be changed."""
        return cls(Outcome.WARNING, text, remedy)

    @classmethod
    def fail(cls, text: str, remedy: str) -> Result:
        """Return the result of a part that does not work."""
        return cls(Outcome.FAILED, text, remedy)

    @classmethod
    def skip(cls, text: str) -> Result:
        """Return the result of a part that is not there yet, or not set."""
        return cls(Outcome.SKIPPED, text)


@dataclass(frozen=True)
class Examination:
    """One part to examine, such as "audit log". `remedy` is the step after an error that does not name its own."""

    subject: str
    examine: Callable[[], Result]
    remedy: str = "Run the command again; if it lasts, look at the log."


def run_examinations(
    examinations: Iterable[Examination], longest_seconds: float = LONGEST_SECONDS
) -> Iterable[Finding]:
    """Yield the findings in the order of the examinations. All are started at once."""
    started = [(one, *_start(one)) for one in examinations]
    for one, thread, found in started:
        thread.join(longest_seconds)
        if found:
            yield found[0]
        else:
            text = f"no answer within {longest_seconds:g} seconds"
            yield Finding(one.subject, Outcome.FAILED, text, one.remedy)


def _start(examination: Examination) -> tuple[threading.Thread, list[Finding]]:
    found: list[Finding] = []

    def examine() -> None:
        found.append(_finding(examination))

    # A daemon, so that the process can end while one hangs.
    thread = threading.Thread(target=examine, name=examination.subject, daemon=True)
    thread.start()
    return thread, found


def _finding(one: Examination) -> Finding:
    try:
        result = one.examine()
    except _OWN as error:
        # Messages of our own end with the next step.
        return Finding(one.subject, Outcome.FAILED, " ".join(str(error).split()), "")
    except Exception as error:  # noqa: BLE001 - recorded: the finding says that the part does not work
        log_error(error, source="bojagi.doctor")
        reason = getattr(error, "strerror", None) or type(error).__name__
        return Finding(one.subject, Outcome.FAILED, f"cannot be used: {reason}", one.remedy)
    return Finding(one.subject, result.outcome, result.text, result.remedy)
