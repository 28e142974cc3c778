"""The verdict of the release gate, and its checks."""

from __future__ import annotations

from dataclasses import dataclass

from privacy.synthetic.errors import SyntheticError


class GateClosed(SyntheticError):
    """Synthetic rows did not pass the release gate, so nothing was published."""


@dataclass(frozen=True)
class Check:
    """One check of the gate: whether it passed, and what was expected and found. Holds figures only."""

    name: str
    is_passed: bool
    detail: str


@dataclass(frozen=True)
class Gate:
    """The verdict on synthetic rows."""

    checks: tuple[Check, ...]

    @property
    def is_open(self) -> bool:
        """Whether every check passed. Without a check nothing passes."""
        return bool(self.checks) and all(check.is_passed for check in self.checks)

    @property
    def failed(self) -> tuple[Check, ...]:
        """Checks that did not pass."""
        return tuple(check for check in self.checks if not check.is_passed)

    def require_open(self) -> None:
        """Check that the gate is open.

        Raises:
            GateClosed: names each failed check.
        """
        if not self.is_open:
            failed = "; ".join(f"{check.name}: {check.detail}" for check in self.failed)
            raise GateClosed(f"Nothing was published. {failed or 'No check was made'}")
