"""The service of policies: creates, chooses, logs, rewards, learns and judges. Commands and HTTP add no rule."""

from __future__ import annotations

import math
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import numpy as np

from features.experiment.assignment import point_of
from features.policy.decision_log import DecisionLog
from features.policy.definition import PolicyDefinition, read_policy_definition
from features.policy.errors import ContextError, PolicyDefinitionError, PolicyStateError, UnknownPolicyError
from features.policy.judge import Verdict, judge
from features.policy.learning import Learned, learn
from features.policy.policy import Policy, Rule
from features.policy.propensity import draw
from features.policy.store import FILE, KeptVerdict, LoggedDecision, PolicyStore, Version
from features.repo.training_permission import permitted_customers
from features.retrieval.customer_consent import CustomerConsent
from features.retrieval.moment import ShopClock
from installation.installation import Installation
from privacy.audit import AuditEntry

TRAINING = "model_training"
"""Purpose that a customer must permit, beside that of the policy, for a version to be learned from the decisions."""
_SYSTEM_RANDOM = secrets.SystemRandom().random
_KNOWN_SECONDS = 1.0
"""Time after which the store is asked again which version serves."""


@dataclass(frozen=True)
class Decision:
    """What a customer gets.

    Attributes:
        arm: name of the arm.
        propensities: probability of each arm, in the order of the definition.
        decision_id: the key for the reward; None where nothing was logged.
        version: the named version that decided, such as `objective/3`.
    """

    arm: str
    propensities: tuple[float, ...]
    decision_id: str | None
    version: str


class PolicyService:
    """The policies of one installation. Safe under threads; close it at the end."""

    def __init__(
        self,
        installation: Installation,
        monotonic: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = _SYSTEM_RANDOM,
    ) -> None:
        self._installation, self._monotonic, self._random = installation, monotonic, random
        self._clock, self._lock = ShopClock(installation), threading.RLock()
        self._consent: CustomerConsent | None = None
        self._store: PolicyStore | None = None
        self._numbers: dict[str, tuple[float, int]] = {}
        # A version never changes.
        self._versions: dict[str, Version] = {}

    def close(self) -> None:
        """Close the store and the consent record; a later call opens them again."""
        with self._lock:
            if self._store is not None:
                self._store.close()
            if self._consent is not None:
                self._consent.close()
            self._store, self._consent = None, None

    @contextmanager
    def store(self) -> Iterator[PolicyStore]:
        """Yield the store for a block, one thread at a time."""
        with self._lock:
            if self._store is not None and self._store.is_replaced:
                self._store.close()
                self._store = None
                self._numbers.clear()
                self._versions.clear()
            if self._store is None:
                self._store = PolicyStore(self._installation.server or self._installation.settings.data_dir / FILE)
            yield self._store

    def create(self, text: str, who: str) -> PolicyDefinition:
        """Store the policy of a YAML document. Its version 1 chooses each arm alike.

        Raises:
            PolicyDefinitionError: the document is no definition, or names an unknown purpose.
            PolicyStateError: the name is taken.
        """
        definition = read_policy_definition(text)
        if definition.purpose not in (known := self._installation.policy.purposes):
            expected = f"{definition.purpose!r} is no purpose; expected one of {', '.join(known)}"
            raise PolicyDefinitionError("purpose", expected)
        uniform = Policy(Rule.UNIFORM, len(definition.arms), definition.least_propensity)
        card: dict[str, object] = {"learner": Rule.UNIFORM.value}
        with self.store() as store, store.changing():
            if definition.name in store.names():
                raise PolicyStateError(f"There is a policy {definition.name!r} already; choose another name.")
            store.add(Version(definition, 1, uniform, uniform, card, self._installation.clock()))
            self._audit(definition, "create", who, None)
        return definition

    def live(self, name: str) -> Version:
        """Return the version that serves: that of `name/number`, else the newest that was judged better, else 1.

        Raises:
            UnknownPolicyError: there is none.
        """
        base, _, number = name.partition("/")
        full = name if number else f"{base}/{self._accepted(base)}"
        if full not in self._versions:
            with self.store() as store:
                found = {one.name: one for one in store.versions(base)}
            if full not in found:
                raise UnknownPolicyError(name, found)
            self._versions[full] = found[full]
        return self._versions[full]

    def _accepted(self, name: str) -> int:
        moment, number = self._numbers.get(name, (-math.inf, 1))
        if self._monotonic() - moment >= _KNOWN_SECONDS:
            with self.store() as store:
                number = store.accepted(name)
            self._numbers[name] = (self._monotonic(), number)
        return number

    def choose(self, name: str, customer: str, context: Sequence[float]) -> Decision:
        """Draw the arm that a customer gets, and log it with all propensities.

        A customer who does not permit the purpose now gets the first arm: the context is not used, nothing is logged.

        Args:
            name: a policy, or a version of it such as `objective/3`.
            customer: the customer's id.
            context: the numbers that the definition names, in their order.

        Raises:
            UnknownPolicyError: there is none.
            ContextError: the context is not that of the definition.
            ConsentError: the consent record cannot be read.
        """
        version = self.live(name)
        definition = version.definition
        if not self._permits(customer, definition.purpose):
            certain = (1.0, *[0.0] * (len(definition.arms) - 1))
            return Decision(definition.arms[0], certain, None, version.name)
        row = np.array([context], np.float64)
        if row.shape != (1, len(definition.context)) or not np.isfinite(row).all():
            raise ContextError(f"{definition.name}: expected {len(definition.context)} finite numbers as context")
        probabilities = version.policy.probabilities(row)
        arm = definition.arms[int(draw(probabilities, np.array([self._random()]))[0])]
        propensities, key = tuple(probabilities[0].tolist()), f"d_{secrets.token_hex(16)}"
        logged = LoggedDecision(
            key,
            definition.name,
            version.number,
            customer,
            self._installation.clock(),
            row[0].tolist(),
            arm,
            propensities,
        )
        with self.store() as store:
            store.log(logged)
        return Decision(arm, propensities, key, version.name)

    def reward(self, decision_id: str, value: float) -> bool:
        """Store the reward of a decision, once; return whether it was stored.

        It is not if there is no such decision, it has a reward, its time is over, or the customer does not permit the
        purpose any more.

        Raises:
            ContextError: the value is no finite number.
            ConsentError: the consent record cannot be read.
        """
        if not math.isfinite(value):
            raise ContextError("expected a finite number as reward")
        with self.store() as store:
            decision = store.decision(decision_id)
            if decision is None:
                return False
            definition = self.live(decision.name).definition
            is_late = self._installation.clock() > decision.at + timedelta(hours=definition.reward_hours)
            if is_late or not self._permits(decision.customer_id, definition.purpose):
                return False
            return store.reward(decision_id, value)

    def learn(self, name: str, who: str) -> Version:
        """Learn the next version from the decisions about one half of the customers, and store it with its card.

        Only customers who permit the policy's purpose and the training of models now are learned from. Decisions whose
        time is over are deleted first.

        Raises:
            UnknownPolicyError: there is none.
            DecisionLogError: the decisions do not suffice, or their propensities are not those of the draws.
            ConsentError: the consent record cannot be read.
        """
        with self.store() as store:
            versions = store.versions(name)
            definition = versions[-1].definition
            store.forget(name, self._installation.clock() - timedelta(days=definition.keep_days))
            log = self._read(store, definition, is_judging=False, after="")
            learned = learn(definition, log)
            people = len(np.unique(log.customers))
            card: dict[str, object] = {
                "learner": definition.learner, "steps": definition.steps, "decisions": len(log), "customers": people,
                "mean_reward": float(log.rewards.mean()),
                "arms": dict(zip(definition.arms, np.bincount(log.arms, minlength=len(definition.arms)).tolist(),
                                 strict=True)),
            }  # fmt: skip
            self._audit(definition, "train", who, people)
            with store.changing():
                number = store.versions(name)[-1].number + 1
                found = Version(definition, number, learned.policy, learned.greedy, card, self._installation.clock())
                store.add(found)
        return found

    def judge(self, name: str, who: str) -> Verdict:
        """Judge the newest version on the decisions about the other half of the customers, and keep the verdict.

        Decisions that were compared once are spent: later versions are judged on later decisions.

        Raises:
            UnknownPolicyError: there is none.
            PolicyStateError: no version was learned, or the newest one was judged.
            ConsentError: the consent record cannot be read.
        """
        with self.store() as store:
            newest, verdicts = store.versions(name)[-1], store.verdicts(name)
            if newest.number == 1:
                raise PolicyStateError(f"The policy {name!r} has learned no version yet; run `bojagi policy learn`.")
            if any(one.number == newest.number and one.spent_to for one in verdicts):
                raise PolicyStateError(f"{newest.name} was judged already; learn another version.")
            definition, until = newest.definition, self._mature(newest.definition)
            spent = max((one.spent_to for one in verdicts), default="")
            log = self._read(store, definition, is_judging=True, after=spent)
            from_log = self._read(store, definition, is_judging=False, after="")
            self._audit(definition, "judge", who, len(np.unique(log.customers)))
            found = judge(Learned(newest.policy, newest.greedy), definition.steps, from_log, log)
            content = {key: value for key, value in asdict(found).items() if key != "answer"}
            spent_to = until.isoformat(timespec="microseconds") if found.is_spent else ""
            verdict = KeptVerdict(newest.number, found.answer, content, spent_to, self._installation.clock())
            with store.changing():
                if len(store.verdicts(name)) > len(verdicts):
                    raise PolicyStateError(f"{name!r} was judged by another process meanwhile; see its status.")
                store.add_verdict(name, len(verdicts) + 1, verdict)
        self._numbers.clear()
        return found

    def _mature(self, definition: PolicyDefinition) -> datetime:
        """Return the moment before which every decision has its reward or gets none any more."""
        return self._installation.clock() - timedelta(hours=definition.reward_hours)

    def _read(self, store: PolicyStore, definition: PolicyDefinition, *, is_judging: bool, after: str) -> DecisionLog:
        half = [
            one
            for one in store.decisions(definition.name, self._mature(definition))
            if (point_of(f"policy {definition.name}", one.customer_id) < 0.5) is is_judging
            and one.at.isoformat(timespec="microseconds") >= after
        ]
        customers = sorted({one.customer_id for one in half})
        for purpose in (definition.purpose, TRAINING):
            customers = permitted_customers(self._installation, self._open_consent(), customers, purpose)
        permitted = set(customers)
        return _arrays(definition, (one for one in half if one.customer_id in permitted))

    def _permits(self, customer: str, purpose: str) -> bool:
        return self._open_consent().denials([customer], purpose, self._clock.now().wall_time)[0] is None

    def _open_consent(self) -> CustomerConsent:
        with self._lock:
            if self._consent is None:
                self._consent = CustomerConsent(self._installation)
            return self._consent

    def _audit(self, definition: PolicyDefinition, action: str, who: str, subjects: int | None) -> None:
        entry = AuditEntry(
            at=self._installation.clock(), who=who, role="pipeline", purpose=definition.purpose, action=action,
            table=f"policy/{definition.name}", columns=definition.context, subjects=subjects,
        )  # fmt: skip
        self._installation.audit_log.append(entry)


@contextmanager
def open_policies(installation: Installation) -> Iterator[PolicyService]:
    """Open the service for a block."""
    with closing(PolicyService(installation)) as service:
        yield service


def _arrays(definition: PolicyDefinition, decisions: Iterable[LoggedDecision]) -> DecisionLog:
    rows = list(decisions)
    width = len(definition.arms)
    _, customers = np.unique([one.customer_id for one in rows], return_inverse=True)
    propensities = np.full((len(rows), width), np.nan)
    for number, one in enumerate(rows):
        if len(one.propensities) == width:
            propensities[number] = one.propensities
    return DecisionLog(
        customers.astype(np.int64),
        np.array([one.context for one in rows], np.float64).reshape(len(rows), len(definition.context)),
        np.array([definition.arms.index(one.arm) for one in rows], np.int64),
        propensities,
        np.array([one.reward or 0.0 for one in rows], np.float64),
    )
