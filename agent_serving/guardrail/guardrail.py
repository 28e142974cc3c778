"""The checks of one conversation's texts: input, tool results and output."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from agent_serving.guardrail.instruction import has_instruction, without_instructions
from agent_serving.guardrail.personal_data import find_personal_data, masked
from agent_serving.guardrail.plain_text import plain_text
from agent_serving.guardrail.topic import Concern, find_concern


@dataclass(frozen=True)
class Checked:
    """A checked message.

    Attributes:
        text: the message with personal data masked. Only this may be stored and sent to a model.
        concern: why it is not answered as it was asked; None if it is.
        masked: kinds of personal data that were masked, such as `phone`.
    """

    text: str
    concern: Concern | None = None
    masked: tuple[str, ...] = ()


class Guardrail:
    """Checks the texts of conversations. One object a process; safe under threads.

    Args:
        is_registered_name: returns whether a text is the name of a registered person; None: no names are looked up.
    """

    def __init__(self, is_registered_name: Callable[[str], bool] | None = None) -> None:
        self._is_registered_name = is_registered_name

    def mask(self, text: str, allowed: Iterable[str] = ()) -> str:
        """Return the text with personal data replaced, such as `[phone]`; `allowed` are values that may be stated."""
        return masked(text, find_personal_data(text, self._is_registered_name), allowed)[0]

    def has_personal_data(self, text: str, allowed: Iterable[str] = ()) -> bool:
        """Return whether a text holds personal data other than the allowed values."""
        return bool(masked(text, find_personal_data(text, self._is_registered_name), allowed)[1])

    def check_input(self, text: str) -> Checked:
        """Return a customer's message with personal data masked, and the concern that it raises."""
        found, kinds = masked(text, find_personal_data(text, self._is_registered_name))
        concern = Concern.INJECTION if has_instruction(text) else find_concern(plain_text(text).text)
        return Checked(found, concern, kinds)

    def clean_result(self, text: str) -> str:
        """Return a text of a tool result or a profile without instructions, markers and invisible characters."""
        return without_instructions(text)
