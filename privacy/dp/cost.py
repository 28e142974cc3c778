"""The privacy cost of a release, in integers: approximate zero-concentrated differential privacy (ρ, δ).

Neighbouring data sets differ in all rows of one customer. A mechanism M is δ-approximate ρ-zCDP if,
except for events of probability δ, the Rényi divergence D_α(M(x) ‖ M(x')) ≤ ρ·α for every α > 1 (Bun and Steinke
2016). Costs of releases on the same data add up: (ρ₁, δ₁) + (ρ₂, δ₂) = (ρ₁ + ρ₂, δ₁ + δ₂).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from privacy.dp.errors import BadQuestion

NANO = 10**9
ATTO = 10**18


@dataclass(frozen=True, order=True)
class Cost:
    """A cost or a limit, in billionths of ρ and 10⁻¹⁸ of δ, always rounded up."""

    nano_rho: int
    atto_delta: int = 0

    def __post_init__(self) -> None:
        if self.nano_rho < 0 or self.atto_delta < 0:
            raise BadQuestion(f"A cost cannot be negative; got {self.nano_rho} nano-ρ, {self.atto_delta} atto-δ")

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.nano_rho + other.nano_rho, self.atto_delta + other.atto_delta)

    @property
    def rho(self) -> float:
        """ρ as a float, to be shown; not for sums."""
        return self.nano_rho / NANO

    @property
    def delta(self) -> float:
        """δ as a float, to be shown; not for sums."""
        return self.atto_delta / ATTO


def cost_of_rho(rho: float | Fraction, delta: float | Fraction = 0) -> Cost:
    """Return the integer cost of (ρ, δ), rounded up.

    >>> cost_of_rho(0.5)
    Cost(nano_rho=500000000, atto_delta=0)
    >>> cost_of_rho(Fraction(1, 3)).nano_rho
    333333334

    Raises:
        BadQuestion: ρ is not a positive finite number, or δ is not in [0, 1).
    """
    require_positive("rho", rho)
    if not (math.isfinite(delta) and 0 <= delta < 1):
        raise BadQuestion(f"delta is {delta}; expected a number in [0, 1)")
    return Cost(math.ceil(exact(rho) * NANO), math.ceil(exact(delta) * ATTO))


def exact(number: float | Fraction) -> Fraction:
    """Return the decimal number as an exact fraction: 0.05 as 1/20, so that 0.05 + 0.05 is not more than 0.1.

    >>> exact(0.05)
    Fraction(1, 20)
    """
    return Fraction(repr(number)) if isinstance(number, float) else Fraction(number)


def rho_of_pure_epsilon(epsilon: float | Fraction) -> Fraction:
    """Return ρ of a pure ε-DP mechanism: ε²/2 (Bun and Steinke 2016, Proposition 1.4).

    >>> rho_of_pure_epsilon(1)
    Fraction(1, 2)
    """
    require_positive("epsilon", epsilon)
    return Fraction(epsilon) ** 2 / 2


def require_positive(name: str, value: float | Fraction) -> None:
    """Check that a value is a positive finite number.

    Raises:
        BadQuestion: names the parameter and its value.
    """
    if isinstance(value, bool) or not math.isfinite(value) or value <= 0:
        raise BadQuestion(f"{name} is {value}; expected a finite number above 0")
