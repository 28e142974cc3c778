"""Values are read from every way of writing them in four languages."""

from __future__ import annotations

import pytest

from agent_serving.grounding.value import ValueKind, read_values

MONEY, FLOOR, TIME, PERCENT, DATE = ValueKind.MONEY, ValueKind.FLOOR, ValueKind.TIME, ValueKind.PERCENT, ValueKind.DATE
READ = {
    "12,000원": (MONEY, 12000), "1만 2천원": (MONEY, 12000), "만이천 원": (MONEY, 12000), "3만5천원": (MONEY, 35000),
    "1.5만원": (MONEY, 15000), "₩12,000": (MONEY, 12000), "12k won": (MONEY, 12000), "십이만원": (MONEY, 120000),
    "twenty-five thousand won": (MONEY, 25000), "八千韩元": (MONEY, 8000), "12,000ウォン": (MONEY, 12000),
    "구백구십원": (MONEY, 990), "٣만원": (MONEY, 30000), "일억이천만원": (MONEY, 120_000_000),
    "지하 1층": (FLOOR, -1), "B1": (FLOOR, -1), "3F": (FLOOR, 3), "third floor": (FLOOR, 3), "floor 5": (FLOOR, 5),
    "三楼": (FLOOR, 3), "地下一階": (FLOOR, -1), "다섯층": (FLOOR, 5), "2nd floor": (FLOOR, 2),
    "10:30": (TIME, 630), "오후 8시 반": (TIME, 1230), "오전 열시 삼십분": (TIME, 630), "8pm": (TIME, 1200),
    "晚上8点": (TIME, 1200), "12 a.m.": (TIME, 0),
    "30% 할인": (PERCENT, 30), "반값": (PERCENT, 50), "8折": (PERCENT, 20), "3割引": (PERCENT, 30),
    "2017-12-30": (DATE, 1230), "12월 3일": (DATE, 1203), "Dec 3": (DATE, 1203),
}  # fmt: skip


@pytest.mark.parametrize(("text", "value"), READ.items(), ids=READ.keys())
def test_a_way_of_writing_has_its_value(text: str, value: tuple[ValueKind, float]) -> None:
    assert [(one.kind, one.number) for one in read_values(text)] == [value]


@pytest.mark.parametrize(
    "text", ["이 층에는 볼 일이 많아요", "말씀해 주시면 됩니다", "하십시오", "이번 주 일요일", "천천히 만나요"]
)
def test_common_words_are_no_values(text: str) -> None:
    assert read_values(text) == []


def test_a_number_without_end_is_no_fact_and_no_failure() -> None:
    assert read_values("9" * 400 + "만원")[0].number > 10**300


def test_a_limit_is_no_price() -> None:
    assert [one.bound for one in read_values("5만원 이하, 12,000원")] == ["most", None]
    assert [read_values(text)[0].bound for text in ("under 50,000 won", "5만원 이상", "5만원대")] == [
        "most",
        "least",
        "about",
    ]
