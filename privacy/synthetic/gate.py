"""The release gate: what must hold before synthetic rows are published.

Two kinds of faults need two kinds of checks. A generator that copies rows, or that learned an identifier, is found by
attacks on its rows. One that spent more budget than was debited, or whose categories came from the data, looks the same
in every statistic: it is found by its recorded noise and domain, held against the ledger and the contract.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from privacy.dp.ledger import Ledger
from privacy.storage.hash_chain import ChainHead
from privacy.synthetic.accounting import spent_mu
from privacy.synthetic.attack.attacks import copied_rows, inference, linkability, membership, singling_out
from privacy.synthetic.attack.risk import Risk
from privacy.synthetic.errors import SyntheticError
from privacy.synthetic.evaluation.table_form import TableForm
from privacy.synthetic.fit import AnySpecification, FitRecord

MOST_RISK = 0.05
"""Upper bound of the risk of singling out, linking and inferring, in its 95 % interval."""
MOST_MEMBERSHIP = 0.53
_SLACK = 1 + 1e-6


class GateClosed(SyntheticError):
    """Synthetic rows did not pass the release gate, so nothing was published."""


@dataclass(frozen=True)
class Check:
    """One check of the gate: what was expected, and what was found. Holds figures only."""

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

    def require_open(self) -> None:
        """Check that the gate is open.

        Raises:
            GateClosed: names each failed check.
        """
        if not self.is_open:
            failed = "; ".join(f"{check.name}: {check.detail}" for check in self.checks if not check.is_passed)
            raise GateClosed(f"Nothing was published. {failed or 'no check was made'}")


def check_budget(scales: Mapping[str, float], expected: Iterable[str], record: FitRecord,
                 ledger: Ledger) -> list[Check]:  # fmt: skip
    """Return whether the recorded noise of every measurement costs no more than the ledger debited for the fit."""
    wanted = set(expected)
    missing = wanted - scales.keys()
    spent = spent_mu(scales.values()) ** 2 / 2
    is_debited = ledger.contains(ChainHead(record.debit, record.digest))
    return [
        Check("debit", is_debited, f"entry {record.debit} of the ledger {'is' if is_debited else 'is not'} as recorded"),
        Check("measurements", not missing and scales.keys() == wanted,
              f"{len(scales)} of {len(wanted)} measurements have recorded noise"),
        Check("noise", spent <= record.nano_rho / 1e9 * _SLACK,
              f"the noise costs rho {spent:.6g}, the debit was rho {record.nano_rho / 1e9:.6g}"),
    ]  # fmt: skip


def check_domain(specification: AnySpecification, declared: AnySpecification, record: FitRecord) -> list[Check]:
    """Return whether the model's domain is the one that contract and declaration state now."""
    same = specification.domain_digest == declared.domain_digest == record.domain
    bounded = specification.epsilon <= declared.epsilon and specification.delta <= declared.delta
    return [
        Check("domain", same, "values and bounds are those of the contract" if same
              else "values or bounds differ from the contract, so they may come from the data"),
        Check("guarantee", bounded, f"epsilon {specification.epsilon:g}, delta {specification.delta:g}"),
    ]  # fmt: skip


def check_attacks(
    train: TableForm, control: TableForm, synthetic: TableForm, secrets: Iterable[str] = (), seed: int = 0
) -> tuple[list[Check], list[Risk]]:
    """Return the checks of attacks on the rows, and each attack's risk. `control` rows were not learned from."""
    names = list(train.columns)
    half = len(names) // 2
    risks = [singling_out(train, control, synthetic, seed=seed)]
    if half:
        risks.append(linkability(train, control, synthetic, names[:half], names[half:], seed=seed))
    risks += [inference(train, control, synthetic, secret, seed=seed) for secret in secrets]
    copied = copied_rows(train, control, synthetic)
    member = membership(train, control, synthetic, seed=seed)
    checks = [Check(risk.name, risk.high <= MOST_RISK or risk.low <= 0 <= risk.high,
                    f"risk {risk.value:.3f}, interval {risk.low:.3f} to {risk.high:.3f}") for risk in risks]  # fmt: skip
    checks.append(Check(copied.name, copied.low <= 0,
                        f"{copied.success.value:.2%} of the rare rows of people are in it, expected by chance "
                        f"{copied.control.value:.2%}"))  # fmt: skip
    checks.append(Check("membership", member <= MOST_MEMBERSHIP, f"AUC {member:.3f}, at most {MOST_MEMBERSHIP}"))
    return checks, [*risks, copied]
