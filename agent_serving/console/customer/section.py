"""The sections about one customer, by the key of their page in `PAGES`, which says which roles may open them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from agent_serving.console.customer.consent import consents
from agent_serving.console.customer.identity import identity
from agent_serving.console.customer.insight import scores, segment
from agent_serving.console.customer.part import Part
from agent_serving.console.customer.profile import profile
from agent_serving.console.customer.purchases import journeys, purchases
from agent_serving.console.customer.reading import CustomerReading
from agent_serving.console.customer.request import disclosures, requests
from agent_serving.console.customer.timeline import timeline


def _newest_month(reading: CustomerReading) -> list[Part]:
    return timeline(reading).parts


SECTIONS: Mapping[str, tuple[Callable[[CustomerReading], list[Part]], ...]] = {
    "customer": (profile,),
    "customer_timeline": (_newest_month,),
    "customer_purchases": (purchases,),
    "customer_journeys": (journeys,),
    "customer_insight": (segment, scores),
    "customer_consents": (consents,),
    "customer_identity": (identity,),
    "customer_requests": (requests, disclosures),
}


def parts_of(key: str, reading: CustomerReading) -> list[Part]:
    """Return the parts of a page of a customer."""
    return [part for section in SECTIONS[key] for part in section(reading)]
