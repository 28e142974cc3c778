"""The door of events: key → limits → erased persons → policy → log → answer.

An event is acknowledged when it is on the disk, or when the policy has made it wait or dropped it. Whatever fails
before that, nothing of the request is acknowledged, and the SDK sends all of it again; `messageId` tells the repeats.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter as Tally
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from datetime import UTC
from typing import TypeVar
from zoneinfo import ZoneInfo

from prometheus_client import CollectorRegistry, Counter

from agent_serving.authentication.api_key import ApiKeyStore
from agent_serving.collector.erased_person import are_erased
from agent_serving.collector.errors import CollectionRefused
from agent_serving.collector.opening import CollectedSource, open_source
from agent_serving.collector.policy import Decision, Outcome
from agent_serving.collector.received_event import ReceivedEvent, SignalHeaders
from agent_serving.collector.request_body import MOST_MESSAGE_BYTES, Messages, read_body
from agent_serving.collector.write_key import source_of
from agent_serving.errors import ApiKeyError, AuthenticationFailed
from installation.collector.errors import LogBusy, LogError, LogFailed
from installation.event_log import log_error
from installation.installation import Installation
from privacy.contract.collection import UnknownContractError
from privacy.errors import PrivacyError
from privacy.storage.database import DATABASE_ERRORS

THREADS = 2
"""Reading JSON holds Python's lock, so more threads would only wait for each other."""
MOST_OPEN = 256
"""Requests that are handled at once. Each holds its body in memory; more are told to come again."""
_RETRY_SECONDS = 5
_SOURCE = "bojagi.collect"
Answer = TypeVar("Answer")


@dataclass(frozen=True, repr=False)
class TrackingRequest:
    """What the collector reads of a request. `key` is that of Basic authentication; `kind` see `read_body`."""

    body: bytes
    encoding: str | None
    kind: str | None
    key: str | None
    headers: SignalHeaders


@dataclass(frozen=True, repr=False)
class _Admission:
    """The events of a request that are on their way to the disk."""

    source: CollectedSource
    events: Sequence[ReceivedEvent]
    decisions: Sequence[Decision]
    written: Future[None] | None
    refused: int


class Collector:
    """Takes the events of all sources of one process."""

    def __init__(
        self, installation: Installation, keys: Callable[[], ApiKeyStore], registry: CollectorRegistry
    ) -> None:
        """Open nothing yet. `keys` returns the calling thread's store of keys."""
        self._installation, self._keys = installation, keys
        self._zone = ZoneInfo(installation.settings.time_zone)
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="collect")
        self._opening = threading.Lock()
        self._sources: dict[str, CollectedSource] = {}
        self._open = 0
        self._counts = Counter(
            "bojagi_collected_events", "Events of SDKs, by source and what happened: the outcome or its reason.",
            ("source", "outcome"), registry=registry,
        )  # fmt: skip

    async def receive(self, request: TrackingRequest) -> None:
        """Take the events of a request; they are acknowledged when this returns.

        Raises:
            CollectionRefused: the request breaks a limit, or cannot be taken now; see `retry_after_seconds`.
            AuthenticationFailed: the write key is missing or not valid.
        """
        if self._open >= MOST_OPEN:
            raise CollectionRefused(429, "too_many_requests", "Too many requests are open. Send it again later.", 1)
        self._open += 1
        try:
            taken = await self.in_thread(lambda: self._admit(request))
            if taken.written is not None:
                await asyncio.wrap_future(taken.written)
            if any(decision.released for decision in taken.decisions):
                await self.in_thread(lambda: taken.source.policy.settle(taken.events, taken.decisions))
        except LogBusy as busy:
            raise CollectionRefused(429, "busy", str(busy), busy.retry_after_seconds) from busy
        except (LogError, ApiKeyError, PrivacyError, OSError, *DATABASE_ERRORS) as error:
            log_error(error, source=_SOURCE)
            detail = "The events cannot be stored now. Send them again later; the log says why."
            raise CollectionRefused(503, "unavailable", detail, _RETRY_SECONDS) from error
        finally:
            self._open -= 1
        self._count(taken)
        if taken.refused:
            raise CollectionRefused(
                400, "message_too_large",
                f"{taken.refused} messages have more than {MOST_MESSAGE_BYTES} bytes or are nested too deeply and were "
                f"not stored. The other {len(taken.events)} were taken.",
            )  # fmt: skip

    async def source_of(self, key: str) -> str:
        """Return the source that a write key names.

        Raises:
            AuthenticationFailed: the write key is not valid.
        """
        return await self.in_thread(lambda: source_of(self._keys(), key))

    async def in_thread(self, work: Callable[[], Answer]) -> Answer:
        """Return what `work` returns. It runs in a thread of the collector."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, copy_context().run, work)

    def close(self) -> None:
        """Finish the running work, write what waits and seal the segments."""
        self._pool.shutdown(wait=True)
        with self._opening:
            sources, self._sources = list(self._sources.values()), {}
        for source in sources:
            source.close()

    def _admit(self, request: TrackingRequest) -> _Admission:
        # A browser's key is in the body, so the body is read first; its size is limited.
        found = read_body(request.body, request.encoding, request.kind)
        key = request.key or found.write_key
        if not key:
            raise AuthenticationFailed("missing_credential", "Send a write key as the user of Basic authentication.")
        source = self._source(source_of(self._keys(), key))
        events = self._events(source, found, request.headers)
        decisions = source.policy.decide(events)
        if len(decisions) != len(events):
            raise LogFailed(f"The policy of {source.contract.id} did not decide on every event.")
        lines = [line for event, decision in zip(events, decisions, strict=True) for line in _lines(event, decision)]
        written = source.log.append(lines) if lines else None
        return _Admission(source, events, decisions, written, found.refused)

    def _events(self, source: CollectedSource, found: Messages, headers: SignalHeaders) -> list[ReceivedEvent]:
        received_at = self._installation.clock().astimezone(UTC)
        events = [source.projection.event(message, received_at, headers) for message in found.messages]
        listed = self._installation.suppression
        if not listed:
            return events
        erased = are_erased(events, source.contract, listed, self._installation.tokenizer, self._zone)
        if erased.any():
            self._counts.labels(source.contract.id, "erased_person").inc(int(erased.sum()))
        return [event for event, is_erased in zip(events, erased, strict=True) if not is_erased]

    def _source(self, identifier: str) -> CollectedSource:
        found = self._sources.get(identifier)
        if found is not None:
            return found
        with self._opening:
            if identifier not in self._sources:
                try:
                    contract = self._installation.contracts[identifier]
                except UnknownContractError as error:
                    raise LogError(f"A write key names {identifier}, and there is no such contract.") from error
                self._sources[identifier] = open_source(self._installation, contract)
            return self._sources[identifier]

    def _count(self, taken: _Admission) -> None:
        name = taken.source.contract.id
        outcomes = Tally(
            "stored" if decision.outcome is Outcome.STORE else f"{decision.outcome}:{decision.reason}"
            for decision in taken.decisions
        )
        outcomes["released"] += sum(len(decision.released) for decision in taken.decisions)
        outcomes["too_large"] += taken.refused
        for outcome, count in outcomes.items():
            if count:
                self._counts.labels(name, outcome).inc(count)


def _lines(event: ReceivedEvent, decision: Decision) -> list[bytes]:
    return [*decision.released, *([event.line] if decision.outcome is Outcome.STORE else [])]
