"""Reads features for a caller and a purpose: only of customers who permit the purpose now, and logged."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import cached_property, lru_cache
from types import TracebackType
from typing import cast

from features.definition import FeatureCatalog, FeatureService, read_catalog
from features.errors import FeatureError, RetrievalFailed, TooManyCustomersError
from features.retrieval.answer import Caller, CustomerFeatures, FeatureAnswer, Reason
from features.retrieval.customer_consent import CustomerConsent
from features.retrieval.moment import Moment, ShopClock
from features.retrieval.plan import RetrievalPlan, plan_retrieval
from features.store.online_store import OnlineStore, Selection
from features.store.opening import open_online_store
from installation.installation import Installation
from privacy.audit import AuditEntry, loggable
from privacy.consent.index import Denial
from privacy.contract.collection import Documents
from privacy.contract.document import Document
from privacy.errors import PrivacyError
from privacy.shared_audit_log import SharedAuditLog

MOST_CUSTOMERS = 1000
"""Customers of one call. More would keep a thread busy for milliseconds while other callers wait."""
ONLINE_STORE, CONSENT_RECORD, AUDIT_LOG = "online store", "consent record", "audit log"
"""The parts that a retrieval needs, as `RetrievalFailed.part` names them."""
DECISION_SECONDS = 0.5
"""Age at which a decision is made again before its values are returned. A withdrawal counts within one second."""
_PLANS = 256
"""Plans that are kept: one for each service, purpose, role and set of purposes of a caller."""
_REASON_LENGTH, _NAME_LENGTH = 500, 100


class FeatureReader:
    """Returns feature values to services and persons. One object a process; safe under threads."""

    def __init__(
        self,
        installation: Installation,
        store: OnlineStore,
        consent: CustomerConsent,
        audit: SharedAuditLog,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take parts that are open. Other code calls `open`."""
        self._installation, self._store, self._consent, self._audit = installation, store, consent, audit
        self._monotonic = monotonic
        self._clock = ShopClock(installation, monotonic)
        self._plan = lru_cache(maxsize=_PLANS)(self._new_plan)
        self._process = os.getpid()
        _ = self.catalog

    @classmethod
    def open(cls, installation: Installation) -> FeatureReader:
        """Open the online store, the consent decisions and the audit log of an installation.

        Raises:
            RetrievalFailed: one of them cannot be opened.
            ContractError: a contract or a feature service is faulty.
        """
        with ExitStack() as opened:
            with _failing(ONLINE_STORE):
                store = opened.enter_context(closing(open_online_store(installation)))
            with _failing(CONSENT_RECORD):
                consent = opened.enter_context(closing(CustomerConsent(installation)))
            with _failing(AUDIT_LOG):
                audit = opened.enter_context(closing(SharedAuditLog(installation.open_audit_log())))
            reader = cls(installation, store, consent, audit)
            opened.pop_all()
        return reader

    @cached_property
    def catalog(self) -> FeatureCatalog:
        """The features and feature services of the installation."""
        return read_catalog(self._installation)

    def retrieve(
        self, customers: Sequence[str], service: str | FeatureService, purpose: str, caller: Caller
    ) -> FeatureAnswer:
        """Return the features of a service for customers, each value only as the customer permits now.

        `service` is the name of one in the catalog, or a list of features that the program makes itself.

        The read is in the audit log before this returns. So is a refused read.

        Guarantee: a value is returned only if its customer permits the purpose at `FeatureAnswer.moment`, by a consent
        record that was read at most `DECISION_SECONDS` and one look (`CHECK_SECONDS`) before this returns.

        Raises:
            AccessRefused: the caller's role or key, or the service, does not have this purpose.
            UnknownPurposeError: no such purpose.
            UnknownServiceError: no such service; names those that exist.
            TooManyCustomersError: more customers than one call may ask for.
            RetrievalFailed: the online store, the consent record or the audit log failed; nothing is returned.
        """
        if self._process != os.getpid():
            raise RetrievalFailed(AUDIT_LOG, "it was opened before a fork; open the reader in each process")
        name = service if isinstance(service, str) else service.name
        with self._refusals_logged(name, purpose, caller):
            if len(customers) > MOST_CUSTOMERS:
                raise TooManyCustomersError(
                    f"Got {len(customers)} customers in one call; expected at most {MOST_CUSTOMERS}. Use several calls."
                )
            plan = self._plan(service, purpose, caller.role, caller.purposes)
        decided_at = self._monotonic()
        moment, denials = self._decide(customers, purpose)
        stored = self._stored(customers, denials, plan)
        found = self._customers(customers, denials, stored, plan, moment)
        subjects = len({row.customer_id for row in found if None in row.reasons})
        self._log(name, purpose, caller, columns=plan.logged, subjects=subjects)
        if self._monotonic() - decided_at > DECISION_SECONDS:
            # Values of customers who withdrew while the log was slow are left out. Its entry counts them as well.
            moment, newer = self._decide(customers, purpose)
            denials = [new or old for new, old in zip(newer, denials, strict=True)]
            found = self._customers(customers, denials, stored, plan, moment)
        return FeatureAnswer(name, purpose, moment.wall_time, plan.features, found)

    def require(self, service: str, purpose: str, caller: Caller) -> None:
        """Check that a caller may retrieve a service for a purpose. A refusal is in the audit log.

        Raises:
            AccessRefused, UnknownPurposeError, UnknownServiceError: as of `retrieve`.
            RetrievalFailed: the refusal cannot be logged.
        """
        with self._refusals_logged(service, purpose, caller):
            self._plan(service, purpose, caller.role, caller.purposes)

    def permits(self, customer: str, purpose: str) -> bool:
        """Return whether a customer permits the purpose now. It reads no value, so nothing is logged.

        It looks into the consent record first: a retrieval that follows knows every statement until now.

        Raises:
            RetrievalFailed: the consent record failed.
        """
        with _failing(CONSENT_RECORD):
            self._consent.refresh()
        return self._decide((customer,), purpose)[1][0] is None

    def failing_parts(self) -> tuple[str, ...]:
        """Return the names of the parts that cannot be used now, such as `audit log`; empty if all can."""
        checks = {ONLINE_STORE: self._check_store, CONSENT_RECORD: self._consent.refresh, AUDIT_LOG: self._check_audit}
        return tuple(part for part, check in checks.items() if _fails(part, check))

    def close(self) -> None:
        """Close what `open` opened."""
        with ExitStack() as stack:
            for part in (self._store, self._consent, self._audit):
                stack.callback(part.close)

    def __enter__(self) -> FeatureReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _new_plan(
        self, service: str | FeatureService, purpose: str, role: str, purposes: frozenset[str] | None
    ) -> RetrievalPlan:
        one = self._installation
        contracts = cast("Documents[Document]", one.contracts)
        caller, wall_time = Caller("", role, purposes), self._clock.wall_time
        return plan_retrieval(self.catalog, contracts, one.roles, one.policy, service, purpose, caller, wall_time)

    def _decide(self, customers: Sequence[str], purpose: str) -> tuple[Moment, list[Denial | None]]:
        with _failing(CONSENT_RECORD):
            moment = self._clock.now()
            return moment, self._consent.denials(customers, purpose, moment.wall_time)

    def _stored(
        self, customers: Sequence[str], denials: Sequence[Denial | None], plan: RetrievalPlan
    ) -> dict[str, Selection | None]:
        """Return what is stored of the customers who permit the purpose, and of those without any statement."""
        with _failing(CONSENT_RECORD):
            knows = self._consent.knows
            wanted = [c for c, denied in zip(customers, denials, strict=True) if denied is None or not knows(c)]
        with _failing(ONLINE_STORE):
            return dict(zip(wanted, self._store.select(wanted, plan.columns), strict=True))

    def _customers(
        self,
        customers: Sequence[str],
        denials: Sequence[Denial | None],
        stored: dict[str, Selection | None],
        plan: RetrievalPlan,
        moment: Moment,
    ) -> tuple[CustomerFeatures, ...]:
        now_us, former, found = moment.instant_us, self._consent.former_customers(), []
        for customer, denied in zip(customers, denials, strict=True):
            selection = stored.get(customer)
            if customer in former or (selection is None and customer in stored):
                found.append(plan.withheld(customer, Reason.UNKNOWN_CUSTOMER))
            elif denied is not None or selection is None:
                found.append(plan.withheld(customer, Reason(denied or Denial.NO_CONSENT)))
            else:
                found.append(plan.released(customer, selection, now_us))
        return tuple(found)

    @contextmanager
    def _refusals_logged(self, service: str, purpose: str, caller: Caller) -> Iterator[None]:
        try:
            yield
        except (FeatureError, PrivacyError) as error:
            self._log(service, purpose, caller, reason=loggable(str(error), _REASON_LENGTH))
            raise

    def _log(
        self,
        service: str,
        purpose: str,
        caller: Caller,
        *,
        columns: tuple[str, ...] = (),
        subjects: int | None = None,
        reason: str | None = None,
    ) -> None:
        table = loggable(f"service/{service}", _NAME_LENGTH)
        who, role, purpose = (loggable(name, _NAME_LENGTH) for name in (caller.name, caller.role, purpose))
        outcome = "allowed" if reason is None else "refused"
        with _failing(AUDIT_LOG):
            entry = AuditEntry(
                at=self._installation.clock(), who=who, role=role, purpose=purpose, action="retrieve", table=table,
                columns=columns, subjects=subjects, outcome=outcome, reason=reason, identity=caller.identity,
            )  # fmt: skip
            self._audit.append(entry)

    def _check_store(self) -> None:
        self._store.select(("-",), ())

    def _check_audit(self) -> None:
        # Its own connection, because that of the appends belongs to the thread that appends.
        with closing(self._installation.open_audit_log()) as log:
            log.require_writable()


@contextmanager
def _failing(part: str) -> Iterator[None]:
    """Turn every error of a part into `RetrievalFailed`. Of foreign errors it names the kind only."""
    try:
        yield
    except (FeatureError, PrivacyError) as error:
        raise RetrievalFailed(part, str(error)) from error
    except Exception as error:
        raise RetrievalFailed(part, type(error).__name__) from error


def _fails(part: str, check: Callable[[], None]) -> bool:
    try:
        with _failing(part):
            check()
    except RetrievalFailed:
        return True
    return False
