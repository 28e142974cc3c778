"""The checks of one conversation's texts: input, tool results and output."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum


class Concern(StrEnum):
    """The reason why a message is not answered as it was asked.

    injection: it tells the agent to ignore its rules, to show its instructions or to act as somebody else.
    others_data: it asks for the data of another person.
    unsafe: it asks for help with violence, drugs, weapons, crime or self-harm.
    off_topic: it has nothing to do with shopping here.
    """

    INJECTION = "injection"
    OTHERS_DATA = "others_data"
    UNSAFE = "unsafe"
    OFF_TOPIC = "off_topic"


@dataclass(frozen=True)
class Checked:
    """A checked message: the text with personal data masked, which may be stored, and the concern if there is one."""

    text: str
    concern: Concern | None = None
    masked: tuple[str, ...] = ()
    """Kinds of personal data that were masked, such as `phone`."""


class Guardrail:
    """Checks the texts of conversations. One object a process; safe under threads.

    Args:
        is_registered_name: returns whether a word is the name of a registered person; None: no names are looked up.
    """

    def __init__(self, is_registered_name: Callable[[str], bool] | None = None) -> None:
        self._is_registered_name = is_registered_name

    def mask(self, text: str, allowed: Iterable[str] = ()) -> str:
        """Return the text with personal data replaced, such as `[phone]`; `allowed` are values that may be stated."""
        raise NotImplementedError

    def check_input(self, text: str) -> Checked:
        """Return a customer's message with personal data masked, and the concern that it raises."""
        raise NotImplementedError

    def clean_result(self, text: str) -> str:
        """Return a text of a tool result or a profile without instructions, markers and control characters."""
        raise NotImplementedError
