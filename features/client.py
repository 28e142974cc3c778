"""A typed client of the HTTP application's features.

with FeatureClient("http://127.0.0.1:8080", key) as client:
    answer = client.retrieve(["c_…"], "shopping_agent", "personalisation")
    for customer, feature, value, reason in answer.values():
        ...
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from types import TracebackType
from typing import Any

import httpx

from features.definition import FeatureType
from features.errors import FeatureError
from features.retrieval.answer import CustomerFeatures, FeatureAnswer, Reason

TIMEOUT_SECONDS = 2.0
MOST_ATTEMPTS = 3
"""A busy or restarting server is asked so often. Reading twice changes nothing but the audit log."""
_WAIT_SECONDS = 5.0


class ClientError(FeatureError):
    """The server refused or failed. `status` is the HTTP status, 0 without an answer; `code` is the server's word."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


@dataclass(frozen=True)
class ServiceFeature:
    """One feature of a service: its name `view:feature`, meaning, type, unit and window."""

    name: str
    definition: str
    type: FeatureType
    unit: str | None
    window: str | None


@dataclass(frozen=True)
class Service:
    """A feature service that the caller may ask for, with the purposes that it may state."""

    name: str
    description: str
    purposes: tuple[str, ...]
    features: tuple[ServiceFeature, ...]


class FeatureClient:
    """Reads features over HTTP. Any number of threads may share one client, which keeps its connections open."""

    def __init__(self, url: str, key: str, *, timeout: float = TIMEOUT_SECONDS, verify: Any = True) -> None:
        """Take the server's URL and an API key or bearer token.

        Args:
            url: such as `https://features.example`.
            key: sent as `Authorization: Bearer`.
            timeout: seconds to wait for an answer.
            verify: an `ssl.SSLContext` where the server's certificate is not signed by a known authority.
        """
        headers = {"Authorization": f"Bearer {key}"}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=timeout, verify=verify)

    def __enter__(self) -> FeatureClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    @cached_property
    def services(self) -> Mapping[str, Service]:
        """The services that the caller may ask for, by name. Asked for once.

        Raises:
            ClientError: the server refused or failed.
        """
        return {found["name"]: _service(found) for found in self._asked("GET", "/v1/feature-services")}

    def retrieve(self, customers: Sequence[str], service: str, purpose: str) -> FeatureAnswer:
        """Return the features of a service for customers, in their order. Withheld values are None with a reason.

        Raises:
            ClientError: the server refused or failed; no value was released.
        """
        wanted = {"service": service, "purpose": purpose, "customers": list(customers)}
        found = self._asked("POST", "/v1/features", wanted)
        described = self.services[service].features
        rows = tuple(_row(customer, described) for customer in found["customers"])
        names = tuple(feature.name for feature in described)
        return FeatureAnswer(service, purpose, datetime.fromisoformat(found["moment"]), names, rows)

    def _asked(self, method: str, path: str, body: Any = None) -> Any:
        for attempt in range(1, MOST_ATTEMPTS + 1):
            try:
                answer = self._http.request(method, path, json=body)
            except httpx.TransportError as error:
                if attempt == MOST_ATTEMPTS:
                    raise ClientError(
                        0, "no_answer", f"No answer from {self._http.base_url}. Is it running?"
                    ) from error
                continue
            if answer.status_code not in {429, 503} or attempt == MOST_ATTEMPTS:
                break
            time.sleep(min(_WAIT_SECONDS, float(answer.headers.get("Retry-After", "1"))))
        if answer.is_success:
            return answer.json()
        try:
            said = answer.json()
            raise ClientError(answer.status_code, said["code"], said["detail"])
        except (ValueError, KeyError, TypeError) as error:
            raise ClientError(answer.status_code, "unknown", f"Got status {answer.status_code}.") from error


def _service(found: dict[str, Any]) -> Service:
    features = tuple(
        ServiceFeature(f["name"], f["definition"], FeatureType(f["type"]), f["unit"], f["window"])
        for f in found["features"]
    )
    return Service(found["name"], found["description"], tuple(found["purposes"]), features)


def _row(found: dict[str, Any], described: Sequence[ServiceFeature]) -> CustomerFeatures:
    def value(feature: ServiceFeature) -> Any:
        got = found["values"][feature.name]
        return datetime.fromisoformat(got) if got is not None and feature.type is FeatureType.TIMESTAMP else got

    withheld, moments = found["withheld"], found["event_times"]
    return CustomerFeatures(
        found["customer"],
        tuple(value(feature) for feature in described),
        tuple(Reason(withheld[f.name]) if f.name in withheld else None for f in described),
        tuple(datetime.fromisoformat(moments[f.name]) if f.name in moments else None for f in described),
    )
