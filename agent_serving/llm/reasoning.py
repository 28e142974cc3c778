"""Removes the reasoning that a model writes before its answer, also from a text that arrives in pieces.

DeepSeek's R1 distillations write `reasoning</think>answer`: their chat template has opened the tag already. Others
write both tags. A vLLM server with `--reasoning-parser` sends the reasoning in a field of its own, which is not read.
"""

from __future__ import annotations

_OPEN, _CLOSE = "<think>", "</think>"


class ReasoningFilter:
    """Passes on what is no reasoning.

    feed("<thi") -> ""; feed("nk>hm</think>Yes") -> "Yes"; finish() -> ""
    """

    def __init__(self, *, starts_inside: bool = False) -> None:
        """Take whether the text begins with reasoning without an opening tag."""
        self._inside, self._held = starts_inside, ""

    def feed(self, piece: str) -> str:
        """Return the part of the text so far that is certainly no reasoning and was not returned before."""
        self._held += piece
        passed = []
        while True:
            tag = _CLOSE if self._inside else _OPEN
            before, found, after = self._held.partition(tag)
            if found:
                self._held = after
            else:
                kept = _unfinished(self._held, tag)
                before, self._held = self._held[: len(self._held) - kept], self._held[len(self._held) - kept :]
            if not self._inside:
                passed.append(before)
            if not found:
                return "".join(passed)
            self._inside = not self._inside

    def finish(self) -> str:
        """Return what was held back as the possible beginning of a tag, at the end of the text."""
        held, self._held = self._held, ""
        return "" if self._inside else held


def _unfinished(text: str, tag: str) -> int:
    """Return how many characters at the end of the text may be the beginning of the tag."""
    return next((n for n in range(min(len(tag) - 1, len(text)), 0, -1) if text.endswith(tag[:n])), 0)
