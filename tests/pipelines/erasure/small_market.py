# ruff: noqa: E501 - lines of files
"""A market of three people in files of five sources, loaded without an engine.

Haneul (M1) is erased. Bada (M2) lives with Haneul and shares phone, address and account. Maru (M3) is a stranger and
Haneul's namesake.
"""

from __future__ import annotations

import gzip
import json
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from installation.installation import Installation
from installation.settings import load_settings
from pipelines.ingest.load_option import LoadOptions
from pipelines.ingest.source_load import ingest_source

NOW = datetime(2017, 6, 1, 12)
HANEUL, BADA, MARU = (f"c_{letter * 26}" for letter in "abc")
EMAIL, CARD, DEVICE = "haneul.kim@naver.example", "9410000010000001", "ck_00000000000000a1"
SOURCES = ("crm_customer", "loyalty_card", "cj_transactions", "web_session", "web_event", "support_ticket", "delivery")
_CRM = (
    "회원번호,성명,영문명,생년월일,성별,휴대폰번호,이메일,주소,우편번호,시도,시군구,행정동,세대번호,대표회원여부,가입일,"
    "회원상태,수정일시\n"
    f'M000000001,김하늘,,1980-01-01,여,010-1111-2222,{EMAIL},"서울 성동구\n옥수로 1",09293,서울특별시,성동구,옥수동,7,Y,'
    "2011-01-01,정상,2017-05-10 20:50:15\n"
    "M000000002,이바다,,1981-01-01,남,010-1111-2222,bada@naver.example,서울 성동구 옥수로 1,09293,서울특별시,성동구,옥수동,7,N,"
    "2011-01-01,정상,2017-05-10 20:50:15\n"
    "M000000003,김하늘,,1990-01-01,여,010-3333-4444,anhaneul.kim@naver.example,부산 1,35767,경기도,화성시,반월동,9,Y,"
    "2011-01-01,정상,2015-01-09 19:48:39\n"
)
_CARDS = (
    "카드번호,회원명,전화번호,세대번호,발급일,카드종류,포인트잔액\n"
    f"{CARD},김하늘,010-1111-2222,7,2013-12-13,모바일,1400\n"
    "9410000010000002,김하늘,010-3333-4444,9,2013-05-06,모바일,894\n"
)
_TICKETS = (
    "ticket_id,email,phone,channel,topic,summary,opened_at,closed_at,satisfaction\n"
    f'T-00000001,{EMAIL},010-1111-2222,email,delivery,"늦게 왔어요.\n확인해 주세요.",2017-01-03 08:47:25,,3\n'
    "T-00000002,,010-3333-4444,chat,other,문의입니다.,2017-01-03 09:55:54,,\n"
    f"T-00000003,{EMAIL},,email,delivery,기타,not a time,,\n"
)
_DELIVERIES = (
    "운송장번호,주문번호,수령인,연락처,배송지,시군구,행정동,배송방법,주문일시,출고일시,배송완료일시,배송비,중량kg\n"
    "100000000001,31000000001,김하늘,010-1111-2222,서울 성동구 옥수로 1,성동구,옥수동,일반배송,2017-01-01 10:05:51,,,0,2.19\n"
    "100000000002,31000000003,김하늘,010-3333-4444,부산 1,화성시,반월동,일반배송,2017-01-01 10:05:51,,,0,2.19\n"
)


def land(landing: Path) -> None:
    """Write the files of all sources."""

    def put(source: str, name: str, content: bytes) -> None:
        (landing / source).mkdir(parents=True, exist_ok=True)
        (landing / source / name).write_bytes(content)

    put("crm_customer", "crm_customer-000.csv", _CRM.encode("utf-8-sig"))
    put("loyalty_card", "loyalty_card-000.csv", _CARDS.encode("cp949"))
    put("support_ticket", "support_ticket-000.csv", _TICKETS.encode())
    put("delivery", "delivery-000.csv", _DELIVERIES.encode())
    sessions = [
        {"session_id": "s_000000001", "cookie_id": DEVICE, "member_no": "M000000001", "started_at": "2017-01-01T10:00:00"},
        {"session_id": "s_000000002", "cookie_id": DEVICE, "member_no": "M000000002", "started_at": "2017-01-01T11:00:00"},
        {"session_id": "s_000000003", "cookie_id": "ck_00000000000000c1", "member_no": "M000000003",
         "started_at": "2017-01-02T10:00:00"},
    ]  # fmt: skip
    filled = {"ended_at": "2017-01-02T12:00:00", "device_type": "mobile", "os": "Android", "browser": "Chrome",
              "screen_width": 360, "screen_height": 640, "landing_page": "/", "page_views": 3}  # fmt: skip
    put("web_session", "web_session-000.jsonl", _lines([{**one, **filled} for one in sessions]))
    events = [
        {"event_id": f"e_{n:010d}", "session_id": f"s_{1 + n % 3:09d}", "event_at": "2017-01-01T10:00:05",
         "received_at": "2017-01-01T10:00:06", "event_type": "page_view", "dwell_seconds": 1.5}
        for n in range(6)
    ]  # fmt: skip
    put("web_event", "web_event-000.jsonl.gz", gzip.compress(_lines(events)))
    (landing / "cj_transactions").mkdir(exist_ok=True)
    orders = [(7, 31000000001), (7, 31000000001), (7, 31000000002), (9, 31000000003)]
    pq.write_table(
        basket_lines(orders, datetime(2017, 1, 1, 11)), landing / "cj_transactions" / "transactions-000.parquet"
    )


def basket_lines(orders: list[tuple[int, int]], at: datetime) -> pa.Table:
    """Lines of baskets: household and order number."""
    rows = [
        {"household_id": household, "store_id": 330, "basket_id": order, "product_id": 1000 + place, "quantity": 1,
         "sales_value": 1.5, "retail_disc": 0.0, "coupon_disc": 0.0, "coupon_match_disc": 0.0, "week": 1,
         "transaction_timestamp": at}
        for place, (household, order) in enumerate(orders)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows)


def open_market(folder: Path, now: datetime = NOW) -> Installation:
    """The installation of a folder; the secrets are apart from the data, so that a copy of the data lacks them."""
    settings = load_settings(data_dir=folder / "data", secret_dir=folder / "secret", run_date=now.date())
    return Installation(settings, clock=lambda: now.astimezone())


def load(installation: Installation) -> int:
    """Load what has landed; return the number of rows that were added."""
    contracts, settings = installation.contracts, installation.settings
    options = LoadOptions.of(settings, settings.run_date)
    added = 0
    for source in SOURCES:
        result = ingest_source(
            contracts[f"source.{source}"], installation.lakehouse, settings.landing_dir, installation.protection,
            installation.clock, options,
        )  # fmt: skip
        added += result.rows_added
    return added


def build(installation: Installation) -> None:
    """Write the tables of identities and one gold table, as the pipeline would for these rows."""
    tokens, lakehouse = installation.tokenizer, installation.lakehouse
    people = {HANEUL: ("M000000001", EMAIL, CARD), BADA: ("M000000002", "bada@naver.example", None)}
    people[MARU] = ("M000000003", "anhaneul.kim@naver.example", "9410000010000002")
    keys = [
        (kind, tokens.token(kind, value), person)
        for person, values in people.items()
        for kind, value in zip(("member_no", "email", "card_no"), values, strict=True)
        if value
    ]
    keys += [
        ("account_no", tokens.token("account_no", "7"), HANEUL),
        ("account_no", tokens.token("account_no", "9"), MARU),
    ]
    keys += [("phone", tokens.token("phone", "010-3333-4444"), MARU)]
    rows = [
        {"token_kind": kind, "token": token, "customer_id": person, "previous_customer_id": None}
        for kind, token, person in keys
    ]
    rows[1]["previous_customer_id"] = "c_" + "d" * 26
    rows[-1]["previous_customer_id"] = HANEUL
    lakehouse.overwrite_rows("silver/identifier", pa.Table.from_pylist(rows))
    references = [("order_id", f"3100000000{n}", person) for n, person in ((1, HANEUL), (2, HANEUL), (3, MARU))]
    references += [("session_id", f"s_00000000{n}", person) for n, person in ((1, HANEUL), (2, BADA), (3, MARU))]
    names = ("reference_kind", "reference", "customer_id")
    lakehouse.overwrite_rows(
        "silver/session_order_customer",
        pa.Table.from_pylist([dict(zip(names, one, strict=True)) for one in references]),
    )
    gold = [{"customer_id": person, "age": 30 + n} for n, person in enumerate((HANEUL, BADA, MARU))]
    lakehouse.overwrite_rows("gold/customer_demographic", pa.Table.from_pylist(gold))


def make_market(folder: Path) -> Installation:
    """A loaded and built market."""
    installation = open_market(folder)
    land(installation.settings.landing_dir)
    load(installation)
    build(installation)
    return installation


def _lines(rows: list[dict[str, object]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
