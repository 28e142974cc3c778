"""A shop with the tools' data: features of the built-in services, orders, and documents of two branches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from agent_serving.search.document import Document, Kind
from agent_serving.search.engine import Change, SearchIndex
from agent_serving.search.opening import open_index
from agent_serving.tool.built_in import tool_services
from agent_serving.tool.customer import PROFILE_SERVICE, RECOMMENDATION_SERVICE
from agent_serving.tool.tool import ToolContext, ToolServices
from features.definition import FeatureType
from features.retrieval.answer import Caller
from features.retrieval.reader import FeatureReader
from features.store.online_store import ValueKind, ViewSchema, microseconds_of
from features.store.opening import open_online_store
from tests.features.retrieval.feature_shop import NOON, FeatureShop

PURPOSES = frozenset({"personalisation", "service_delivery"})
AGENT = Caller("web-shop", "agent", PURPOSES, "authenticated")
COFFEE, TEA = "Coffee", "Teas"
_TEXT = {"top_category_1": COFFEE, "due_categories": [COFFEE], "top_categories": [TEA]}
DOCUMENTS = (
    Document("product:1", Kind.PRODUCT, "main", "동서 커피 믹스 100개", "커피",
             {"name": "동서 커피 믹스 100개", "brand": "동서",
             "price_won": 15900, "floor": "B1"}, {"image": "x"}, (COFFEE,)),
    Document("product:2", Kind.PRODUCT, "main", "오설록 녹차 20개", "차",
             {"name": "오설록 녹차 20개", "brand": "오설록", "price_won": 12000, "floor": "B1"}, {}, (TEA,)),
    Document("product:3", Kind.PRODUCT, "other", "동서 커피 믹스 20개", "커피",
             {"name": "동서 커피 믹스 20개", "brand": "동서", "price_won": 3900}, {}, (COFFEE,)),
    Document("store:1", Kind.STORE, "main", "오설록 본점", "녹차",
             {"name": "오설록", "brand": "오설록", "floor": "B1", "hours": "10:30-20:00"}),
    Document("branch:1", Kind.BRANCH, "main", "보자기백화점 본점", "", {"name": "보자기백화점 본점",
    "hours": "10:30-20:00"}),
    Document("coupon:1", Kind.COUPON, "main", "신년 쿠폰", "", {"name": "신년 쿠폰", "discount_percent": 10}),
    Document("coupon:2", Kind.COUPON, "main", "지난 쿠폰", "", {"name": "지난 쿠폰", "valid_until": "2020-01-01"}),
    Document("faq:1", Kind.FAQ, "*", "주차는 무료인가요", "두 시간 무료입니다.", {"answer": "두 시간 무료입니다."}),
)  # fmt: skip


@dataclass
class ToolShop:
    """The shop, its open services, and contexts of calls."""

    shop: FeatureShop
    features: FeatureReader
    index: SearchIndex
    services: ToolServices = field(init=False)

    def __post_init__(self) -> None:
        self.services = tool_services(self.shop.installation, self.features, self.index)

    def context(self, customer: str | None = None, caller: Caller = AGENT, branch: str = "main") -> ToolContext:
        """Return the context of a call."""
        return ToolContext(customer, caller, branch, "ko", NOON, self.services)

    def close(self) -> None:
        """Close what was opened."""
        self.features.close()
        self.index.close()
        self.shop.close()


def open_tool_shop(shop: FeatureShop, customers: Iterable[str]) -> ToolShop:
    """Store the features of the customers and the documents, and open the services."""
    _store_features(shop, list(customers))
    index = open_index(shop.installation)
    index.write([Change("content/all.jsonl", "1", DOCUMENTS)])
    return ToolShop(shop, shop.open(), index)


def add_orders(shop: FeatureShop, orders: Mapping[int, str], at: datetime = NOON) -> None:
    """Write the table of orders: the customer of each order number."""
    rows = [
        {"order_id": order, "customer_id": customer, "ordered_at": at, "channel": "online", "piece_count": 2,
         "sales_value": Decimal("12.50"), "delivery_method": "dawn", "shipped_at": at, "delivered_at": None,
         "return_count": 0, "refund_amount": Decimal("0.00")}
        for order, customer in orders.items()
    ]  # fmt: skip
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    table = pa.table({**columns, "delivered_at": pa.array(columns["delivered_at"], pa.timestamp("us"))})
    shop.installation.lakehouse.append_rows("gold/order_history", table)


def _store_features(shop: FeatureShop, customers: list[str]) -> None:
    catalog = shop.catalog
    wanted: dict[str, list[Any]] = {}
    for service in (PROFILE_SERVICE, RECOMMENDATION_SERVICE):
        for reference in catalog.service(service).features:
            feature = catalog.feature(reference)
            if feature not in wanted.setdefault(feature.view, []):
                wanted[feature.view].append(feature)
    at = microseconds_of(NOON.replace(tzinfo=ZoneInfo("Asia/Seoul")))
    with closing(open_online_store(shop.installation, verify=False)) as store:
        for view, features in wanted.items():
            schema = ViewSchema(view, tuple((f.name, _kind(f.type)) for f in features))
            rows = [[_value(f.name, f.type) for f in features] for _ in customers]
            store.write(schema, customers, [at] * len(customers), rows)


def _kind(kind: FeatureType) -> ValueKind:
    return ValueKind.WALL_TIME if kind is FeatureType.TIMESTAMP else ValueKind(kind.value)


def _value(name: str, kind: FeatureType) -> Any:
    one: Any = {
        FeatureType.INT64: 3, FeatureType.FLOAT64: 0.4217, FeatureType.STRING: "mobile", FeatureType.BOOL: True,
        FeatureType.TIMESTAMP: NOON, FeatureType.INT64_LIST: [3], FeatureType.FLOAT64_LIST: [0.5],
        FeatureType.STRING_LIST: ["x"],
    }[kind]  # fmt: skip
    return _TEXT.get(name, one)
