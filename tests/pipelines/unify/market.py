"""Generates a small market for the tests: bronze rows of every source, seeded, with the faults of real sources."""

# ruff: noqa: E501 - wide rows read better than tall ones

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import deltalake
import pyarrow as pa

from installation.contract.document import Contract, Contracts

Row = dict[str, Any]
START = datetime(2017, 1, 1, 9)
LOADED_AT = datetime(2018, 1, 2)
HOUSEHOLDS = range(1, 41)
STORES = range(1, 6)
PRODUCTS = range(100, 180)
PLACES = [("서울특별시", "종로구", "청운동"), ("경기도", "수원시", "인계동"), ("부산광역시", "중구", "남포동")]
_CATEGORIES = [("GROCERY", "SOFT DRINKS", "SOFT DRINKS 12/18"), ("PRODUCE", "APPLES", "ORGANIC APPLES"),
               ("MEAT", "BEEF", "LEAN"), ("DRUG GM", "VITAMINS", "VITAMIN C"), ("GROCERY", "DOG FOODS", "CAN DOG FOOD"),
               ("GROCERY", "FROZEN PIZZA", "PIZZA/PREMIUM"), ("MISCELLANEOUS", "COUPON/MISC ITEMS", "GASOLINE")]  # fmt: skip


def token(kind: str, value: object) -> str | None:
    """Return a token for a value; in the tests it replaces the keyed hash that ingest computes. None for None."""
    return None if value is None else hashlib.sha256(f"{kind}:{value}".encode()).hexdigest()


def bronze(contract: Contract, rows: Iterable[Mapping[str, Any]], load_id: str = "load_1", line: int = 1) -> pa.Table:
    """Return a bronze table as ingest writes it: the contract's columns, tokens, and the origin of each row."""
    rows = list(rows)
    columns = {
        column.name: pa.array([row.get(column.name) for row in rows], field.type)
        for column, field in zip(contract.columns, contract.arrow_schema(), strict=True)
    }
    for column in contract.columns:
        if column.token is not None:
            hashed = [token(column.token, row.get(column.name)) for row in rows]
            columns[f"{column.name}_token"] = pa.array(hashed, pa.string())
    columns["_load_id"] = pa.array([load_id] * len(rows), pa.string())
    columns["_source_file"] = pa.array(["file"] * len(rows), pa.string())
    columns["_line"] = pa.array(range(line, line + len(rows)), pa.int64())
    columns["_loaded_at"] = pa.array([LOADED_AT + timedelta(days=int(load_id[-1]) - 1)] * len(rows), pa.timestamp("us"))
    return pa.table(columns)


def land(root: Path | str, contracts: Contracts, rows: Mapping[str, list[Row]], load_id: str = "load_1") -> None:
    """Append the rows of each source to its bronze table in the lakehouse at `root`."""
    for name, found in rows.items():
        contract = contracts.source(name)
        path = f"{root}/{contract.table}"
        deltalake.write_deltalake(path, bronze(contract, found, load_id), mode="append")


def make_market(seed: int = 20170101) -> dict[str, list[Row]]:
    """Return the rows of every source. Equal seeds give equal rows."""
    return _Market(Random(seed)).rows()


class _Market:
    def __init__(self, random: Random) -> None:
        self.random = random
        self.orders: list[Row] = []

    def rows(self) -> dict[str, list[Row]]:
        products, lines = self._products(), self._lines()
        return {
            "cj_products": products, "cj_transactions": lines, "cj_promotions": self._promotions(),
            **self._campaigns(), **self._people(), **self._places(), **self._digital(), **self._after_sale(),
        }  # fmt: skip

    def _products(self) -> list[Row]:
        found = []
        for number in list(PRODUCTS)[:-2]:  # two products are sold but are not in the product file
            department, category, kind = _CATEGORIES[number % len(_CATEGORIES)]
            size = self.random.choice(["12 OZ", "1 LB", "2 L", "6 CT", None, "ODD", ".5 GAL"])
            found.append({
                "product_id": number, "manufacturer_id": number % 9, "department": department,
                "brand": "Private" if number % 4 == 0 else "National",
                "product_category": category if number % 13 else None, "product_type": kind, "package_size": size,
            })  # fmt: skip
        return found

    def _lines(self) -> list[Row]:
        found = []
        for basket in range(1, 500):
            household, store = self.random.choice(HOUSEHOLDS), self.random.choice(STORES)
            at = START + timedelta(minutes=self.random.randrange(364 * 24 * 60))
            self.orders.append({"order": basket, "household": household, "at": at})
            # Products with higher numbers are launched during the year.
            known = [p for p in PRODUCTS if (p - 100) * 3 <= (at - START).days + 60]
            for product in self.random.sample(known, min(len(known), self.random.randint(1, 9))):
                is_fuel = _CATEGORIES[product % len(_CATEGORIES)][1].startswith("COUPON")
                quantity = self.random.randrange(0, 9000) if is_fuel else self.random.choice([1, 1, 1, 2, 3, 0])
                price = Decimal(100 + (product * 37) % 900) / 100
                cut = (price * self.random.choice([0, 0, 1, 2]) / 10).quantize(Decimal("0.01"))
                coupon = Decimal("0.25") if self.random.random() < 0.1 else Decimal("0.00")
                pieces = 1 if is_fuel else max(quantity, 1)
                found.append({
                    "household_id": household, "store_id": store, "basket_id": basket, "product_id": product,
                    "quantity": quantity, "sales_value": (price - cut) * pieces, "retail_disc": cut * pieces,
                    "coupon_disc": coupon, "coupon_match_disc": Decimal("0.00"),
                    "week": (at.timetuple().tm_yday - 1) // 7 + 1, "transaction_timestamp": at,
                })  # fmt: skip
        return found

    def _promotions(self) -> list[Row]:
        return [
            {"product_id": product, "store_id": store, "week": week, "display_location": self.random.choice("0059A"),
             "mailer_location": self.random.choice("00AD")}
            for store in list(STORES)[:-1] for week in range(1, 54) for product in self.random.choices(PRODUCTS, k=12)
        ]  # fmt: skip

    def _campaigns(self) -> dict[str, list[Row]]:
        kinds = ["Type A", "Type B", "Type C"]
        runs = [{"campaign_id": n, "campaign_type": kinds[n % 3], "start_date": date(2017, 1 + 2 * n, 3),
                 "end_date": date(2017, 2 + 2 * n, 10)} for n in range(1, 6)]  # fmt: skip
        sent = [{"campaign_id": n, "household_id": h} for n in range(1, 6) for h in HOUSEHOLDS if (n + h) % 3]
        used = [{"household_id": row["household_id"], "coupon_upc": 7, "campaign_id": row["campaign_id"],
                 "redemption_date": date(2017, 2 + 2 * row["campaign_id"], 5)} for row in sent[::5]]  # fmt: skip
        coupons = [
            {"coupon_upc": 7, "product_id": product, "campaign_id": n} for n in range(1, 6) for product in (100, 101)
        ]
        return {
            "cj_campaign_descriptions": runs,
            "cj_campaigns": sent,
            "cj_coupon_redemptions": used,
            "cj_coupons": coupons,
        }

    def _people(self) -> dict[str, list[Row]]:
        """Return persons, cards and surveys.

        Each household has a principal member. Some have a spouse with the same phone, and some members are registered
        twice with the same e-mail address.
        """
        members, cards, surveys, consents, shares = [], [], [], [], []
        for household in list(HOUSEHOLDS)[:-1]:  # the last household has no person on record
            sido, sigungu, dong = PLACES[household % 3]
            base = {"account_no": household, "sido": sido, "sigungu": sigungu, "dong": dong, "status": "정상",
                    "joined_on": date(2015, 1, 1) + timedelta(household), "updated_at": datetime(2017, 1, 1, household % 24),
                    "phone": f"010-0000-{household:04}", "postal_code": "01234"}  # fmt: skip
            members.append(base | {"member_no": _member(household), "name": f"김하나{household}", "sex": "여",
                                   "birth_date": f"19{50 + household}0302", "email": f"p{household}@a.example",
                                   "is_principal": "Y"})  # fmt: skip
            if household % 3 == 0:
                members.append(base | {"member_no": _member(household + 100), "name": f"이두리{household}", "sex": "남",
                                       "birth_date": "1970-13-45", "email": None, "is_principal": "N"})  # fmt: skip
            if household % 5 == 0:
                members.append(base | {"member_no": _member(household + 200), "name": f"김 하나{household}", "sex": None,
                                       "birth_date": None, "email": f"p{household}@a.example", "is_principal": "N",
                                       "dong": "이사동", "updated_at": datetime(2017, 5, 1)})  # fmt: skip
            cards.append({"card_no": f"94{household:06}", "member_name": f"김하나{household}", "account_no": household,
                          "phone": base["phone"], "issued_on": date(2016, 1, 1), "card_type": "일반",
                          "point_balance": household * 10 if household % 4 else None})  # fmt: skip
            if household % 2:
                surveys.append(self._survey(household))
            shares.append({"household_id": household, "age": "35-44", "income": "50-74K", "home_ownership": "Homeowner",
                           "marital_status": "Married", "household_size": "3", "household_comp": "2 Adults Kids",
                           "kids_count": "1"})  # fmt: skip
            consents.append(self._consent(household))
        return {"crm_customer": members, "loyalty_card": cards, "lifestyle_survey": surveys, "consent_event": consents,
                "cj_demographics": shares[::2]}  # fmt: skip

    def _survey(self, household: int) -> Row:
        return {"response_id": f"L{household}", "member_no": _member(household), "answered_at": datetime(2017, 3, 1, 8),
                "occupation": None if household % 7 == 0 else "회사원", "education": "대졸", "housing_type": "아파트",
                "pets": "개", "health_diet": "저염식", "beliefs": "응답거부" if household % 3 else "불교",
                "hobbies": "여행;낚시", "media": "TV", "travel_per_year": None if household % 9 == 0 else 2}  # fmt: skip

    def _consent(self, household: int) -> Row:
        return {"record_id": f"C{household}", "member_no": _member(household), "controller": "Bojagi Mart", "purpose": "marketing",
                "data_categories": "pd:Purchase", "notice_version": "1", "notice_language": "ko", "jurisdiction": "KR",
                "method": "web_form", "state": "given", "event_at": datetime(2017, 1, 1), "expressed_by": "self",
                "recorded_at": datetime(2017, 1, 1), "valid_days": 365 if household % 2 else None,
                "evidence_hash": "0" * 64, "asked": "separately"}  # fmt: skip

    def _places(self) -> dict[str, list[Row]]:
        regions = [{"dong_code": f"{n}", "sido": sido, "sigungu": sigungu, "dong": dong, "latitude": 37.0 + n / 10,
                    "longitude": 127.0, "is_urban": n != 1} for n, (sido, sigungu, dong) in enumerate(PLACES)]  # fmt: skip
        stores = [{"store_id": n, "store_name": f"S{n}", "store_type": ["hypermarket", "supermarket", "express"][n % 3],
                   "sido": PLACES[n % 3][0], "sigungu": PLACES[n % 3][1], "dong": PLACES[n % 3][2],
                   "latitude": 37.0 + n / 20, "longitude": 127.01, "opened_on": None, "has_parking": n % 2 == 0}
                  for n in list(STORES)[:-1]]  # fmt: skip
        weather = [{"sido": sido, "observed_on": date(2017, 1, 1) + timedelta(day), "temp_min_c": 20.0 + day % 9,
                    "temp_max_c": 77.0 if day % 50 == 0 else 25.0, "condition": "rain" if day % 4 == 0 else "clear",
                    "precipitation_mm": None if day % 30 == 0 else (5.0 if day % 4 == 0 else 0.0)}
                   for sido, _, _ in PLACES for day in range(365)]  # fmt: skip
        return {"region": regions, "store": stores, "weather": weather}

    def _digital(self) -> dict[str, list[Row]]:
        sessions, events, taps = [], [], []
        for number in range(160):
            order = self.orders[number * 3]
            at = order["at"] - timedelta(minutes=self.random.randrange(5, 3 * 24 * 60))
            household = order["household"] if number % 4 else None
            member = _member(household) if household and household < HOUSEHOLDS[-1] and number % 3 else None
            sessions.append({"session_id": f"s{number}", "cookie_id": f"k{household or number}", "member_no": member,
                             "email": None, "started_at": at, "ended_at": None if number % 5 == 0 else at + timedelta(minutes=4),
                             "device_type": ["mobile", "desktop", "tablet"][number % 3], "os": "Android", "browser": "Chrome",
                             "screen_width": 412, "screen_height": 846, "referrer": None if number % 2 else "https://a.example/",
                             "landing_page": "/", "page_views": 3})  # fmt: skip
            steps = ["page_view", "search", "product_view", "add_to_cart"] + (["purchase"] if number % 8 == 1 else [])
            for step, kind in enumerate(steps):
                when = order["at"] if kind == "purchase" else at + timedelta(seconds=40 * step)
                row = {"event_id": f"w{number}-{step}", "session_id": f"s{number}", "event_at": when, "received_at": when,
                       "event_type": kind, "product_id": 100 + number % 20 if step > 1 else None,
                       "order_no": order["order"] if kind == "purchase" else None,
                       "query": "Apple " if kind == "search" else None, "results_count": number % 3 if kind == "search" else None,
                       "dwell_seconds": 9000.0 if step == 0 and number % 40 == 0 else 12.5}  # fmt: skip
                events += [row, row] if number % 25 == 0 and step == 2 else [row]  # a repeated delivery
            taps += [{"event_id": f"a{number}-{n}", "device_id": f"d{household or number}", "member_no": member,
                      "event_at": at + timedelta(minutes=n * 20), "received_at": at, "event_type": kind,
                      "product_id": 101 if kind == "product_view" else None, "screen": "home", "os": "iOS",
                      "app_version": "5.1"} for n, kind in enumerate(["push_open", "product_view", "scan_barcode"])]  # fmt: skip
        return {"web_session": sessions, "web_event": events, "app_event": taps}

    def _after_sale(self) -> dict[str, list[Row]]:
        deliveries, returns, reviews, tickets, answers, shown, wishes = [], [], [], [], [], [], []
        for number, order in enumerate(self.orders[::6]):
            household, at = order["household"], order["at"]
            member = _member(household) if household < HOUSEHOLDS[-1] else _member(1)
            deliveries.append({"delivery_no": f"D{number}", "order_no": order["order"], "receiver_name": "받는이",
                               "receiver_phone": "010-9999-0000", "address": "x", "sigungu": "종로구",
                               "dong": PLACES[household % 3][2] if number % 3 else "직장동",
                               "method": ["새벽배송", "일반배송", "매장픽업"][number % 3], "ordered_at": at,
                               "shipped_at": at + timedelta(hours=2), "fee": Decimal("3.00"),
                               "delivered_at": None if number % 9 == 0 else at + timedelta(hours=20),
                               "weight_kg": 2500.0 if number % 10 == 0 else (None if number % 11 == 0 else 3.5)})  # fmt: skip
            shown.append({"recommendation_id": f"R{number}", "member_no": member, "product_id": 101, "slot": "home",
                          "algorithm": "popular", "shown_at": at, "outcome": ["ignored", "clicked", "purchased", "dismissed"][number % 4]})  # fmt: skip
            reviews.append({"review_id": f"V{number}", "member_no": member if number % 2 else None,
                            "email": None if number % 2 else f"p{household}@a.example", "product_id": 101,
                            "rating": number % 5 + 1, "created_at": at + timedelta(days=3), "is_verified": True,
                            "helpful_count": None, "photo_count": number % 2, "title": "좋아요", "body": "…"})  # fmt: skip
            answers.append({"response_id": f"N{number}", "member_no": member, "asked_at": at + timedelta(days=5),
                            "answered_at": None if number % 4 == 0 else at + timedelta(days=6),
                            "score": None if number % 4 == 0 else number % 11})  # fmt: skip
            tickets.append({"ticket_id": f"T{number}", "email": None, "phone": f"010-0000-{household:04}", "channel": "chat",
                            "topic": ["delivery", "return"][number % 2], "summary": "?", "opened_at": at,
                            "closed_at": None if number % 7 == 0 else at + timedelta(hours=5), "satisfaction": number % 5 + 1})  # fmt: skip
            wishes.append({"item_id": f"I{number}", "member_no": member, "product_id": 102, "added_at": at,
                           "removed_at": at if number % 2 else None})  # fmt: skip
            if number % 4 == 0:
                returns.append({"return_no": f"B{number}", "order_no": order["order"], "product_id": 101, "quantity": 1,
                                "returned_at": at + timedelta(days=2), "refund_amount": Decimal("1.00"), "reason": "파손"})  # fmt: skip
        return {"delivery": deliveries, "return_item": returns, "review": reviews, "support_ticket": tickets,
                "nps_survey": answers, "recommendation_event": shown, "wishlist": wishes}  # fmt: skip


def _member(number: int) -> str:
    return f"M{number:09}"
