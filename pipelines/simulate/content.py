"""Draws what the shopping agent searches: branches of a department store with products, shops, facilities and offers.

Names of brands are real, so that the words of customers find them. Shops, prices, telephones and offers are invented:
no Korean exchange number begins with 0, and addresses of pages end in `.example`. Nothing here is about a customer.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from pipelines.simulate.text import load_table
from pipelines.unify.product_label import readable_labels

Row = dict[str, Any]
_SITE = "https://bojagi.example"
_AREA_CODES = {"서울": "02", "경기": "031", "부산": "051", "대구": "053"}
_SOLD_AT_A_BRANCH = 0.85
_SHOP_AT_A_BRANCH = 0.8
_EVERY_BRANCH = "*"


def write_content(root: Path, rng: np.random.Generator) -> dict[str, int]:
    """Write `content/` below `root`, a folder for each branch and one for all; return the documents of each file."""
    offered: dict[str, list[Row]] = defaultdict(list)
    for branch in _rows("branch"):
        for row in _Branch(branch, rng).documents():
            offered[f"content/{branch['code']}/{row['kind']}.jsonl"].append(row)
    offered["content/every_branch/offer.jsonl"] = list(_chain_offers())
    for name, rows in offered.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        lines = (json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows)
        (root / name).write_text("".join(f"{line}\n" for line in lines), "utf-8")
    answers = resources.files("pipelines.simulate").joinpath("data/content/faq.md").read_text("utf-8")
    name = "content/every_branch/faq.md"
    (root / name).write_text(answers, "utf-8")
    return {path: len(rows) for path, rows in offered.items()} | {name: answers.count("\n## ")} | _write_pages(root)


def _write_pages(root: Path) -> dict[str, int]:
    """Write `place_page/`: what a search of the web would find near each branch. Older pages state former hours."""
    pages: dict[str, list[Row]] = defaultdict(list)
    for number, row in enumerate(_rows("place")):
        labels = {"이름": row["name"], "분류": row["category"], "주소": row["address"], "전화": row["phone"]}
        known = "\n".join(f"{label}: {value}" for label, value in labels.items())
        texts = (
            ("2017-12-20", f"{known}\n영업시간: {row['hours']}\n소개: {row['note']}"),
            (
                "2017-12-05",
                f"{row['name']}에 다녀왔습니다. {row['note']}입니다.\n이름: {row['name']}\n영업시간: {row['hours']}",
            ),
            ("2016-03-11", f"이름: {row['name']}\n주소: {row['address']}\n영업시간: {row['former_hours']}"),
        )
        for place, (day, text) in enumerate(texts):
            url = f"https://blog.example/{number:02d}/{place}"
            pages[row["branch"]].append({"url": url, "title": row["name"], "text": text, "published_on": day})
    found = {}
    for branch, rows in pages.items():
        path = f"place_page/{branch}.jsonl"
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows), "utf-8")
        found[path] = len(rows)
    return found


@dataclass(frozen=True)
class _Branch:
    """Draws the documents of one branch. `row` is its line of branch.csv."""

    row: Row
    rng: np.random.Generator

    def documents(self) -> Iterator[Row]:
        yield self._branch()
        yield from self._floors()
        yield from self._facilities()
        yield from self._shops()
        yield from self._products()
        yield from (_offer(row, self) for row in _rows("offer") if row["scope"] == "branch")

    @property
    def code(self) -> str:
        return str(self.row["code"])

    @property
    def name(self) -> str:
        return f"보자기백화점 {self.row['korean']}"

    @cached_property
    def floors(self) -> dict[str, list[str]]:
        """The groups of each floor, from below."""
        pairs = (part.split(":") for part in self.row["floors"].split(";"))
        return {floor: groups.split("|") for floor, groups in pairs}

    def floor_of(self, group: str) -> str | None:
        """Return the first floor of a group of products."""
        return next((floor for floor, groups in self.floors.items() if group in groups), None)

    @property
    def hours(self) -> str:
        return f"{self.row['open']}-{self.row['close']}"

    def phone(self, place: str) -> str:
        """Return the telephone of a place in this branch, always the same."""
        number = crc32(f"{self.code} {place}".encode()) % 10_000_000
        return f"{_AREA_CODES[self.row['city']]}-0{number // 10_000:03d}-{number % 10_000:04d}"

    def document(self, kind: str, key: str, title: str, **others: Any) -> Row:
        """Return a document of this branch; `facts` that are empty are left out."""
        facts = {name: value for name, value in others.pop("facts").items() if value not in ("", None)}
        card = {"url": f"{_SITE}/{self.code}/{kind}/{key}", **others.pop("card", {})}
        return {
            "id": f"{kind}:{self.code}-{key}", "kind": kind, "branch": self.code, "title": title,
            "text": others["text"], "facts": facts, "card": card, "keywords": others["keywords"],
        }  # fmt: skip

    def map_of(self, floor: str) -> str:
        return f"{_SITE}/{self.code}/map/{floor}"

    def _branch(self) -> Row:
        row, phone = self.row, self.phone("branch")
        facts = {
            "name": self.name, "name_en": row["english"], "address": row["address"], "hours": self.hours,
            "hours_weekend": f"{row['open']}-{row['weekend_close']}", "rest_days": row["rest_days"], "phone": phone,
            "latitude": float(row["latitude"]), "longitude": float(row["longitude"]),
        }  # fmt: skip
        text = f"영업시간은 평일 {facts['hours']}, 주말 {facts['hours_weekend']}이며 {row['rest_days']}에 쉽니다."
        keywords = [*_words(row["keywords"]), "영업시간", "휴점일", "오시는 길", "opening hours"]
        card = {"map": self.map_of("1F"), "phone": phone}
        return self.document("branch", self.code, self.name, text=text, facts=facts, card=card, keywords=keywords)

    def _floors(self) -> Iterator[Row]:
        names = {row["group"]: row for row in _rows("group")}
        for floor, groups in self.floors.items():
            korean, english = (" / ".join(names[group][tongue] for group in groups) for tongue in ("korean", "english"))
            facts = {"name": korean, "name_en": english, "floor": floor, "branch": self.name}
            text = f"{floor}에는 {korean} 매장이 있습니다."
            words = [*_floor_words(floor), "층별 안내", "floor guide", english]
            words += [word for group in groups for word in _words(names[group]["keywords"])]
            card = {"map": self.map_of(floor)}
            yield self.document("floor", floor, f"{floor} {korean}", text=text, facts=facts, card=card, keywords=words)

    def _facilities(self) -> Iterator[Row]:
        for number, row in enumerate(_rows("facility")):
            floors = self._floors_of(row["floors"])
            if not floors:
                continue
            facts = {
                "name": row["korean"], "name_en": row["english"], "floor": ", ".join(floors),
                "hours": row["hours"] or self.hours,
            }  # fmt: skip
            card = {"map": self.map_of(floors[0])}
            words = [*_words(row["keywords"]), row["english"]]
            title = f"{row['korean']}"
            yield self.document(
                "facility", f"{number:02d}", title, text=row["text"], facts=facts, card=card, keywords=words
            )

    def _floors_of(self, spec: str) -> list[str]:
        """Return the floors of a facility: named ones, those of a group, all with shops, the top one or the roof."""
        selling = [floor for floor, groups in self.floors.items() if "parking" not in groups]
        if spec == "shop":
            return selling
        if spec in ("top", "roof"):
            return [selling[-1] if spec == "top" else "RF"]
        named = [part for part in spec.split("|") if part in self.floors]
        return named[:1] or [floor for floor, groups in self.floors.items() if spec in groups]

    def _shops(self) -> Iterator[Row]:
        rows = _rows("shop")
        opened = self.rng.random(len(rows)) < _SHOP_AT_A_BRANCH
        spots = self.rng.integers(1, 60, len(rows)).tolist()
        groups = {row["group"]: row for row in _rows("group")}
        for number, (row, is_open, spot) in enumerate(zip(rows, opened.tolist(), spots, strict=True)):
            floor = self.floor_of(row["group"])
            if floor is None or not (is_open or self.code == "main"):
                continue
            phone = self.phone(row["korean"])
            hours = "11:00-21:30" if row["group"] == "dining" else self.hours
            facts = {
                "name": row["korean"], "name_en": row["english"], "brand": row["korean"], "floor": floor,
                "spot": f"{floor} {spot}", "category": groups[row["group"]]["korean"], "hours": hours, "phone": phone,
                "sells": row["text"],
            }  # fmt: skip
            card = {
                "image": f"{_SITE}/brand/{number:03d}.jpg", "map": f"{self.map_of(floor)}#{spot}", "phone": phone,
            }  # fmt: skip
            words = [*_words(row["keywords"]), row["english"], groups[row["group"]]["english"], "매장"]
            yield self.document(
                "store", f"{number:03d}", f"{row['korean']} {self.row['korean']}", text=row["text"], facts=facts,
                card=card, keywords=words,
            )  # fmt: skip

    def _products(self) -> Iterator[Row]:
        catalogue = _catalogue()
        sold = self.rng.random(len(catalogue)) < _SOLD_AT_A_BRANCH
        stock = self.rng.integers(0, 40, len(catalogue)).tolist()
        for number, (row, is_sold, count) in enumerate(zip(catalogue, sold.tolist(), stock, strict=True)):
            floor = self.floor_of(row["group"])
            if floor is None or not is_sold:
                continue
            facts = {
                "name": row["name"], "name_en": row["name_en"], "brand": row["brand"], "category": row["category"],
                "price_won": row["price"], "floor": floor, "stock": count,
                "allergens": row["allergens"].replace("|", ","), "diets": row["diets"].replace("|", ","),
            }  # fmt: skip
            card = {"image": f"{_SITE}/product/{number:04d}.jpg", "map": self.map_of(floor)}
            yield self.document(
                "product", f"{number:04d}", row["name"], text=f"{row['category']} {row['korean']}", facts=facts,
                card=card, keywords=[word for word in row["words"] if word],
            )  # fmt: skip


def _catalogue() -> list[Row]:
    """Return the products of the chain. As many brands as variants are paired; else each brand has each variant."""
    found, shops = [], {row["korean"]: row for row in _rows("shop")}
    # The market's categories as the platform names them, by which a customer's habits find products.
    labels = readable_labels({row["market_category"] for row in _rows("product") if row["market_category"]})
    for row in _rows("product"):
        brands, variants, sizes = row["brands"].split("|"), row["variants"].split("|"), row["sizes"].split("|")
        is_paired = len(brands) == len(variants)
        pairs = list(zip(brands, variants, strict=True)) if is_paired else [(b, v) for b in brands for v in variants]
        low, high = int(row["low"]), int(row["high"])
        for place, (brand, variant) in enumerate(pairs):
            for step, size in enumerate(sizes):
                # The price goes up with the place in the list, and of food with the size.
                share = place / max(len(pairs), 2)
                if row["group"] in ("grocery", "deli"):
                    share = (share + step) / len(sizes)
                unit = 1000 if high >= 100_000 else 100
                name = " ".join(part for part in (brand, row["korean"], variant, size) if part)
                shop = shops.get(brand, {"english": "", "keywords": ""})
                words = [*_words(row["keywords"]), row["english"], labels.get(row["market_category"], "")]
                words += [*_words(shop["english"]), *_words(shop["keywords"])]
                price = round((low + (high - low) * share) / unit) * unit
                name_en = " ".join(part for part in (shop["english"], row["english"], _plain(size)) if part)
                found.append(row | {"brand": brand, "name": name, "name_en": name_en, "price": price, "words": words})
    return found


def _plain(size: str) -> str:
    """Return a size that reads the same in every language, such as 500ml; else nothing."""
    return size if size.isascii() else ""


def _offer(row: Row, branch: _Branch | None) -> Row:
    """Return an event, promotion or coupon, of one branch or of every branch."""
    key = f"{crc32(row['korean'].encode()) % 10_000:04d}"
    floor = branch.floor_of(row["group"]) if branch else None
    facts = {
        "name": row["korean"], "name_en": row["english"], "valid_from": row["begin"], "valid_until": row["end"],
        "floor": floor or "", "terms": row["text"],
    }  # fmt: skip
    if row["value"]:
        number = int(row["value"])
        facts |= {"discount_percent": number} if number <= 100 else {"discount_won": number}
    code = branch.code if branch else _EVERY_BRANCH
    return {
        "id": f"{row['kind']}:{branch.code if branch else 'all'}-{key}", "kind": row["kind"], "branch": code,
        "title": row["korean"], "text": row["text"],
        "facts": {name: value for name, value in facts.items() if value != ""},
        "card": {"url": f"{_SITE}/{row['kind']}/{key}", "image": f"{_SITE}/{row['kind']}/{key}.jpg"},
        "keywords": [*_words(row["keywords"]), row["english"]],
    }  # fmt: skip


def _chain_offers() -> Iterator[Row]:
    return (_offer(row, None) for row in _rows("offer") if row["scope"] == "all")


def _rows(name: str) -> list[Row]:
    table = load_table(f"content/{name}").astype(str)
    return [{str(column): value for column, value in row.items()} for row in table.to_dict("records")]


def _words(text: str) -> list[str]:
    return [word for word in text.split("|") if word]


def _floor_words(floor: str) -> list[str]:
    """Return how people say a floor: `B1` is 지하 1층, `4F` is 4층."""
    number = floor.strip("BF")
    return [f"지하 {number}층", f"지하{number}층"] if floor.startswith("B") else [f"{number}층"]
