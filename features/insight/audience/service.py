"""The service of audiences: creates, lists, sizes, checks and selects them, for a role and logged.

Commands and HTTP call it and add no rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import cast

from features.definition import FeatureCatalog, FeatureService, read_catalog
from features.errors import UnknownFeatureError
from features.insight.audience.check import CustomerFacts, holds
from features.insight.audience.difference import Mask, Selected, SizeAudit
from features.insight.audience.errors import AudienceRefused, DefinitionError, NearIdenticalError, TooSmallError
from features.insight.audience.event_name import EVENTS, EventNames, read_event_names
from features.insight.audience.fact import FactReader
from features.insight.audience.plan import EVENT_COLUMNS, Contracted, events_of, features_of, purposes_of
from features.insight.audience.rule import Audience, Group, canonical, read_audience, tests_of
from features.insight.audience.selection import select_members
from features.insight.audience.sql import Query, compile_audiences
from features.insight.audience.store import AudienceStore, Question, earlier_than
from features.insight.group_size import K, told_size
from features.retrieval.answer import Caller
from features.retrieval.customer_consent import CustomerConsent
from features.retrieval.moment import ShopClock
from features.retrieval.reader import FeatureReader
from installation.data_secret import open_audiences
from installation.installation import Installation
from privacy.access.errors import AccessRefused
from privacy.access.plan import sees_pseudonyms
from privacy.access.pseudonym import pseudonyms
from privacy.audit import AuditEntry, loggable
from privacy.contract.collection import Documents
from privacy.contract.document import Document

_EVERYBODY = Group(True, ())
_LENGTH = 100


@dataclass(frozen=True)
class AudienceSize:
    """The size of an audience at a moment.

    Attributes:
        name: name of the audience.
        purpose: purpose for which its members are selected.
        size: its members, rounded down to a multiple of K; 0 if they are too few, see `SizeAudit`.
        permitting: all customers who permit the purpose, rounded down in the same way.
        moment: the shop's wall time for which consent was decided.
    """

    name: str
    purpose: str
    size: int
    permitting: int
    moment: datetime


@dataclass(frozen=True)
class Membership:
    """Whether a customer is a member, and why.

    Attributes:
        is_member: whether the customer permits the purpose and the rule holds.
        permits: whether the customer permits the purpose. If not, nothing about the customer is read.
        tests: each test of the rule, as it is written, and whether it holds; empty if nothing was read.
        moment: the shop's wall time of the decision.
    """

    is_member: bool
    permits: bool
    tests: tuple[tuple[str, bool], ...]
    moment: datetime


@dataclass(frozen=True)
class _Evaluated:
    customers: list[str]
    members: Mask
    size: AudienceSize


class Audiences:
    """The audiences of one installation."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self.store = AudienceStore(open_audiences(installation.settings, installation.server))
        self._event_names: EventNames | None = None

    @cached_property
    def catalog(self) -> FeatureCatalog:
        """The features that rules may test."""
        return read_catalog(self._installation)

    def create(self, text: str, caller: Caller, *, replaces: bool = False) -> AudienceSize:
        """Store the audience of a YAML document and return its size.

        Raises:
            DefinitionError: the document is no definition, or does not fit the contracts.
            AccessRefused: the caller may not use the purpose, or a feature or the events for it.
            NearIdenticalError: see `size`.
            AudienceError: the name is taken.
        """
        audience = read_audience(text)
        size = self.size(audience, caller)
        self.store.write(audience, replaces=replaces)
        return size

    def size(self, audience: Audience, caller: Caller) -> AudienceSize:
        """Return the size of an audience, stored or not. Its rule joins the history, and the question is logged.

        Raises:
            DefinitionError: the audience does not fit the contracts.
            AccessRefused: the caller may not use the purpose, or a feature or the events for it.
            NearIdenticalError: an earlier question had nearly the same members, or left nearly these out.
            TooManyQuestionsError: the history is full.
            AuditError: the question cannot be logged.
        """
        return self._evaluate(audience, caller, "size").size

    def members(self, name: str, caller: Caller) -> list[str]:
        """Return the members of a stored audience who permit its purpose now, in alphabetical order; it is logged.

        Raises:
            UnknownAudienceError: there is no such audience.
            AccessRefused: see `size`; or the role knows customers by pseudonyms only.
            NearIdenticalError: see `size`.
            TooSmallError: it has fewer than K members.
            AuditError: the read cannot be logged.
        """
        found = self._evaluate(self.store.read(name), caller, "export")
        return sorted(one for one, is_member in zip(found.customers, found.members.tolist(), strict=True) if is_member)

    def preview(self, name: str, caller: Caller, most: int) -> tuple[AudienceSize, list[str]]:
        """Return the size of a stored audience and some members, as the role sees customers; it is logged.

        They are the first ones of an order that says nothing about them, and no more than the size that is told: their
        number would tell the exact one.

        Raises:
            UnknownAudienceError, AccessRefused, NearIdenticalError: see `size`.
            AuditError: the read cannot be logged.
        """
        found = self._evaluate(self.store.read(name), caller, "preview")
        names = [one for one, is_member in zip(found.customers, found.members.tolist(), strict=True) if is_member]
        one, purpose = self._installation, found.size.purpose
        if sees_pseudonyms(one.roles[caller.role], purpose, one.policy):
            names = list(pseudonyms(one.pseudonym_key, caller.role, purpose, names).values())
        return found.size, sorted(names)[: min(most, found.size.size)]

    def check(self, name: str, customer: str, caller: Caller, reader: FeatureReader) -> Membership:
        """Return whether a customer is a member now, from the online store; the read is logged.

        Raises:
            UnknownAudienceError: there is no such audience.
            AccessRefused: see `members`.
            RetrievalFailed: the online store, the consent record or the audit log failed.
        """
        written = self.store.read(name)
        audience = self.bound(written)
        with self._refusals_logged(audience, caller, "check"):
            self.contracted.require_access(audience, caller)
            self._require_ids(audience, caller)
        self._log(audience, caller, "check", 1)
        features, tests = features_of(audience.rule), events_of(audience.rule)
        with self._facts() as facts:
            moment = facts.moment.wall_time
            permits = facts.permits(customer, purposes_of(audience))
            if not permits[audience.purpose] or not facts.is_customer(customer):
                return Membership(is_member=False, permits=permits[audience.purpose], tests=(), moment=moment)
            service = FeatureService(f"audience_{name}", name, features, frozenset({audience.purpose}))
            (row,) = reader.retrieve([customer], service, audience.purpose, caller).customers
            values = facts.values(dict(zip(features, row.values, strict=True)))
            known = CustomerFacts(values, facts.counts(customer, tests), permits, facts.today)
        shown = zip(tests_of(written.rule), tests_of(audience.rule), strict=True)
        answers = tuple((_words(test.document()), holds(bound, known)) for test, bound in shown)
        return Membership(holds(audience.rule, known), True, answers, moment)

    def sql(self, audience: Audience) -> Query:
        """Return the query that finds the members of an audience today."""
        with self._facts() as facts:
            return compile_audiences([self.bound(audience)], facts.today)

    @cached_property
    def contracted(self) -> Contracted:
        """What the contracts let a role use in a rule."""
        one = self._installation
        contracts = cast("Documents[Document]", one.contracts)
        return Contracted(self.catalog, contracts, one.roles, one.policy, lambda: self.event_names)

    @property
    def event_names(self) -> EventNames:
        """The event types and channels that rules may name, read once a question."""
        if self._event_names is None:
            self._event_names = read_event_names(self._installation)
        return self._event_names

    def bound(self, written: Audience) -> Audience:
        """Return an audience with each value in the type of its feature; see `Contracted.bound`."""
        self._event_names = None
        return self.contracted.bound(written)

    @cached_property
    def _audit(self) -> SizeAudit:
        return SizeAudit(self._installation.tokenizer.derived_key("audience size"))

    @contextmanager
    def _facts(self) -> Iterator[FactReader]:
        with closing(CustomerConsent(self._installation)) as consent:
            moment = ShopClock(self._installation).now()
            yield FactReader(self._installation, self.catalog, consent, moment)

    def _evaluate(self, written: Audience, caller: Caller, action: str) -> _Evaluated:
        audience = self.bound(written)
        with self._refusals_logged(audience, caller, action):
            self.contracted.require_access(audience, caller)
            if action == "export":
                self._require_ids(audience, caller)
            today = self._installation.clock().date()
            self.store.count(audience.digest, today)
            while True:
                earlier = earlier_than(audience.digest, self.store.questions(today))
                found, is_refused = self._select(audience, earlier)
                if is_refused:
                    raise NearIdenticalError
                if self.store.note(written, audience.digest, earlier, today):
                    break
            count = int(found.members.sum())
            if action == "export" and count < K:
                raise TooSmallError
        self._log(audience, caller, action, count if action == "export" else None)
        return found

    def _require_ids(self, audience: Audience, caller: Caller) -> None:
        """Check that the role may know which customer is a member."""
        role, policy = self._installation.roles[caller.role], self._installation.policy
        if sees_pseudonyms(role, audience.purpose, policy) or role.values == "coarsened":
            raise AccessRefused(f"The role {caller.role} knows customers by pseudonyms, so it learns no member's id.")

    def _select(self, audience: Audience, earlier: Sequence[Question]) -> tuple[_Evaluated, bool]:
        """Return the members, and whether their number would tell about single customers."""
        known = [one for one in map(self._known, earlier) if one is not None]
        with self._facts() as facts:
            all_of_them = [audience, *known]
            tables = facts.tables(all_of_them)
            population = tables["population"]
            permits = {one.purpose: population[f"permits:{one.purpose}"].to_numpy() for one in all_of_them}
            selected = (
                Selected(one.digest, members, permits[one.purpose])
                for one, members in zip(all_of_them, select_members(all_of_them, tables, facts.today), strict=True)
            )
            new = next(selected)
            permitting = told_size(int(new.permitted.sum()))
            is_everybody = canonical(audience.rule) == canonical(_EVERYBODY)
            size = permitting if is_everybody else self._audit.told(new)
            answer = AudienceSize(audience.name, audience.purpose, size, permitting, facts.moment.wall_time)
            is_refused = not is_everybody and self._audit.is_near_identical(new, selected)
        return _Evaluated(population["customer_id"].to_pylist(), new.members, answer), is_refused

    def _known(self, question: Question) -> Audience | None:
        """Return the bound rule of an earlier question; None if a feature or value of it no longer exists."""
        audience = question.audience
        try:
            return self.contracted.bound(audience)
        except (DefinitionError, UnknownFeatureError):
            return None

    @contextmanager
    def _refusals_logged(self, audience: Audience, caller: Caller, action: str) -> Iterator[None]:
        try:
            yield
        except (AccessRefused, AudienceRefused) as error:
            self._log(audience, caller, action, None, loggable(str(error), 500))
            raise

    def _log(
        self, audience: Audience, caller: Caller, action: str, subjects: int | None, reason: str | None = None
    ) -> None:
        events = tuple(f"{EVENTS}.{name}" for name in EVENT_COLUMNS) if events_of(audience.rule) else ()
        who, role, purpose = (loggable(name, _LENGTH) for name in (caller.name, caller.role, audience.purpose))
        entry = AuditEntry(
            at=self._installation.clock(), who=who, role=role, purpose=purpose, action=action,
            table=f"audience/{audience.name}", columns=(*features_of(audience.rule), *events), subjects=subjects,
            outcome="allowed" if reason is None else "refused", reason=reason, identity=caller.identity,
        )  # fmt: skip
        self._installation.audit_log.append(entry)


def _words(document: dict[str, object]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in document.items())
