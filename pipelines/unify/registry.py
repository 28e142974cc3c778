"""Lists the silver and gold tables. `all_tables` returns all of them in build order."""

from __future__ import annotations

from collections.abc import Iterator

from features.recommend.form import CANDIDATE, ITEM, MODEL
from installation.contract.document import Contracts
from pipelines.derived_table.declared_table import declared_tables
from pipelines.derived_table.table import DerivedTable
from pipelines.unify import (
    browsing,
    calendar,
    campaign_effect,
    consent_event,
    customer,
    customer_360,
    customer_attribute,
    customer_score,
    customer_segment,
    demographic,
    feedback,
    identifier,
    identity_decision,
    identity_event,
    identity_model,
    identity_sketch,
    insight_model,
    journey,
    lifestyle,
    location,
    order_history,
    order_line,
    product,
    product_preference,
    promotion,
    purchase_behaviour,
    recommendation,
    repurchase,
    segment,
    segment_model,
    sent_profile,
    session,
    session_context,
    session_order_customer,
    spend,
    temporal_pattern,
    touchpoint_event,
)
from pipelines.unify.token_column import tokenised_tables

_LINES = "bronze/cj_transactions"
_SILVER = (
    DerivedTable("silver/product", ("bronze/cj_products", _LINES), product.build, uses_as_of=False),
    DerivedTable("silver/calendar", (_LINES, "bronze/weather", "bronze/region"), calendar.build),
    DerivedTable("silver/promotion", ("bronze/cj_promotions", _LINES), promotion.build_promotion, uses_as_of=False),
    DerivedTable("silver/store_week", ("bronze/cj_promotions",), promotion.build_store_week, uses_as_of=False),
    DerivedTable(
        identifier.DECISION,
        (),
        identity_decision.build,
        remembers=True,
        is_kept=True,
        uses_as_of=False,
        fed_by=("silver/identifier",),
    ),
    DerivedTable(
        "silver/identifier",
        (identifier.DECISION,),
        identifier.build,
        reads=tokenised_tables,
        remembers=True,
        recalls=(identifier.EVENT, identifier.MODEL),
        uses_as_of=False,
    ),
    DerivedTable(
        identifier.EVENT,
        ("silver/identifier",),
        identity_event.build,
        remembers=True,
        uses_as_of=False,
        fed_by=("silver/identifier",),
    ),
    DerivedTable(
        identifier.MODEL,
        ("silver/identifier",),
        identity_model.build,
        remembers=True,
        uses_as_of=False,
        fed_by=(customer_attribute.TABLE,),
    ),
    DerivedTable(
        identifier.SKETCH,
        ("silver/identifier",),
        identity_sketch.build,
        remembers=True,
        uses_as_of=False,
        fed_by=(customer_attribute.TABLE,),
    ),
    DerivedTable(
        customer_attribute.TABLE,
        ("silver/identifier",),
        customer_attribute.build,
        reads=customer_attribute.registers,
        uses_as_of=False,
    ),
    DerivedTable(
        "silver/customer",
        ("silver/identifier", customer_attribute.TABLE, "bronze/crm_customer", "bronze/loyalty_card"),
        customer.build,
        uses_as_of=False,
        fed_by=("silver/identifier",),
    ),
    DerivedTable(
        "silver/consent_event",
        (consent_event.RECORD, consent_event.MEMBERSHIP, "silver/identifier"),
        consent_event.build,
        uses_as_of=False,
        fed_by=("silver/identifier",),
    ),
    DerivedTable(
        "silver/permission",
        ("silver/consent_event", consent_event.MEMBERSHIP),
        consent_event.build_permission,
        uses_as_of=False,
        fed_by=("silver/identifier",),
    ),
    DerivedTable(
        "silver/order_line",
        (_LINES, "silver/product", "silver/promotion", "silver/store_week", "silver/identifier"),
        order_line.build,
        uses_as_of=False,
        fed_by=(_LINES,),
    ),
    DerivedTable(
        session_order_customer.TABLE,
        ("silver/identifier",),
        session_order_customer.build,
        reads=session_order_customer.inputs,
        uses_as_of=False,
    ),
    DerivedTable(
        touchpoint_event.TABLE,
        ("silver/identifier", session_order_customer.TABLE),
        touchpoint_event.build,
        reads=touchpoint_event.inputs,
        partition_by=("event_date",),
        refreshes_days="event_date",
        uses_as_of=False,
    ),
    DerivedTable(
        "silver/session",
        ("bronze/web_session", "bronze/app_event", "silver/touchpoint_event", "silver/identifier"),
        session.build,
        uses_as_of=False,
        fed_by=("bronze/web_session", "bronze/app_event"),
    ),
    DerivedTable(
        "silver/sent_profile",
        (),
        sent_profile.build,
        remembers=True,
        is_kept=True,
        uses_as_of=False,
        fed_by=("silver/identifier",),
    ),
    DerivedTable(
        "silver/disclosure",
        (),
        sent_profile.build,
        remembers=True,
        is_kept=True,
        uses_as_of=False,
        fed_by=("silver/identifier",),
    ),
)
_ORDERS = (
    DerivedTable(
        "gold/order_history",
        ("silver/order_line", "silver/touchpoint_event", "bronze/delivery", "bronze/return_item", "bronze/store"),
        order_history.build,
        uses_as_of=False,
        fed_by=("silver/order_line",),
    ),
    DerivedTable("gold/customer_monthly_spend", ("gold/order_history",), spend.build_monthly),
    DerivedTable("gold/customer_category_share", ("silver/order_line",), spend.build_category),
    DerivedTable("gold/customer_repurchase", ("silver/order_line",), repurchase.build),
)
_CAMPAIGNS = ("bronze/cj_campaigns", "bronze/cj_campaign_descriptions", "bronze/cj_coupon_redemptions")
_PROFILES = (
    DerivedTable(
        "gold/customer_demographic",
        ("silver/customer", "silver/identifier", "bronze/cj_demographics", "bronze/lifestyle_survey"),
        demographic.build,
        fed_by=(customer_attribute.TABLE, "bronze/loyalty_card", "bronze/cj_demographics", "bronze/lifestyle_survey"),
    ),
    DerivedTable(
        "gold/customer_purchase_behaviour",
        (
            "silver/order_line", "gold/order_history", "gold/customer_category_share", "silver/product",
            "silver/store_week", "silver/touchpoint_event", "silver/identifier", *_CAMPAIGNS,
        ),
        purchase_behaviour.build,
        fed_by=("silver/order_line",),
    ),
    DerivedTable(
        "gold/customer_temporal_pattern",
        ("gold/order_history", "silver/calendar", "silver/touchpoint_event", "silver/identifier", *_CAMPAIGNS),
        temporal_pattern.build,
        fed_by=("gold/order_history", "silver/touchpoint_event"),
    ),
    DerivedTable(
        "gold/customer_product_preference",
        ("silver/order_line", "silver/product", "gold/customer_category_share"),
        product_preference.build,
        fed_by=("silver/order_line",),
    ),
    DerivedTable(
        "gold/customer_lifestyle",
        (
            "silver/customer", "silver/order_line", "silver/product", "silver/touchpoint_event", "silver/identifier",
            "bronze/lifestyle_survey",
        ),
        lifestyle.build,
        fed_by=("silver/order_line", "silver/touchpoint_event", "bronze/lifestyle_survey"),
    ),
    DerivedTable(
        "gold/customer_location",
        ("silver/customer", "gold/order_history", "bronze/store", "bronze/region"),
        location.build,
        fed_by=("gold/order_history", "bronze/crm_customer"),
    ),
    DerivedTable(
        "gold/customer_browsing",
        (
            "silver/touchpoint_event", "silver/session", "silver/product", "silver/identifier", "bronze/web_event",
            "bronze/wishlist",
        ),
        browsing.build,
        fed_by=("silver/session", "silver/touchpoint_event", "bronze/wishlist"),
    ),
    DerivedTable(
        "gold/customer_session_context",
        ("silver/session", "silver/calendar", "silver/customer"),
        session_context.build,
        fed_by=("silver/session",),
    ),
    DerivedTable(
        "gold/customer_feedback",
        (
            "silver/identifier", "bronze/review", "bronze/support_ticket", "bronze/nps_survey",
            "bronze/recommendation_event",
        ),
        feedback.build,
    ),
    DerivedTable("gold/customer_journey", ("silver/touchpoint_event", "gold/order_history"), journey.build),
)  # fmt: skip
_360 = DerivedTable(
    "gold/customer_360",
    ("silver/customer", "silver/touchpoint_event", "gold/customer_journey", *customer_360.CHOSEN),
    customer_360.build,
    fed_by=("silver/customer",),
)

_INSIGHT = (
    DerivedTable("gold/insight_model", ("gold/customer_score_input",), insight_model.build, remembers=True),
    DerivedTable("gold/customer_score", ("gold/insight_model", "gold/customer_score_input"), customer_score.build),
    DerivedTable(
        MODEL,
        (recommendation.LINES, recommendation.PRODUCTS),
        recommendation.build_model,
        remembers=True,
        fed_by=(recommendation.LINES,),
        modules=("features.recommend.recommender",),
    ),
    DerivedTable(
        ITEM,
        # The permissions are an input, because a withdrawal changes none of the others.
        (recommendation.LINES, recommendation.PRODUCTS, recommendation.PERMISSIONS),
        recommendation.build_items,
        fed_by=(recommendation.LINES,),
    ),
    DerivedTable(
        CANDIDATE,
        (MODEL, recommendation.LINES, recommendation.PRODUCTS, recommendation.PERMISSIONS),
        recommendation.build_candidates,
        fed_by=(recommendation.LINES,),
    ),
    DerivedTable(
        "gold/campaign_effect",
        # The permissions are an input, because a withdrawal changes none of the others: orders are kept by law.
        ("gold/order_history", "silver/identifier", "silver/permission", *_CAMPAIGNS[:2]),
        campaign_effect.build,
        fed_by=_CAMPAIGNS[:1],
    ),
)

_SEGMENTS = (
    DerivedTable(
        segment_model.MODEL,
        (_360.name,),
        segment_model.build,
        remembers=True,
        recalls=(segment_model.SEGMENT,),
        fed_by=("silver/order_line",),
    ),
    DerivedTable(
        segment_model.SEGMENT,
        (_360.name, segment_model.MODEL),
        customer_segment.build,
        remembers=True,
        fed_by=(segment_model.MODEL,),
    ),
    DerivedTable(customer_segment.MOVE, (segment_model.SEGMENT,), customer_segment.build_moves, remembers=True),
    DerivedTable(
        segment.CARD,
        (segment_model.SEGMENT, customer_segment.MOVE, _360.name, segment.CATEGORY, segment.WEEK),
        segment.build,
        remembers=True,
        fed_by=(segment_model.SEGMENT,),
    ),
)

TABLES: tuple[DerivedTable, ...] = (*_SILVER, *_ORDERS, *_PROFILES, _360, *_INSIGHT, *_SEGMENTS)
"""The derived tables that code declares. For a table's inputs use `table.all_inputs(contracts)`, because some depend on
the contracts."""


def all_tables(contracts: Contracts) -> tuple[DerivedTable, ...]:
    """Return these tables and those whose contracts name a function, in build order.

    Raises:
        ContractError: a function cannot be loaded.
    """
    tables = {table.name: table for table in (*TABLES, *declared_tables(contracts.values()))}
    seen: set[str] = set()

    def with_inputs(name: str) -> Iterator[DerivedTable]:
        if name in tables and name not in seen:
            seen.add(name)
            for one in tables[name].all_inputs(contracts):
                yield from with_inputs(one)
            yield tables[name]

    return tuple(table for name in tables for table in with_inputs(name))


def table(name: str) -> DerivedTable:
    """Return the derived table with that name.

    Raises:
        KeyError: there is no such table.
    """
    for derived in TABLES:
        if derived.name == name:
            return derived
    known = ", ".join(derived.name for derived in TABLES)
    raise KeyError(f"There is no derived table {name!r}. Derived tables: {known}.")
