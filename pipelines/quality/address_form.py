"""Converts postal addresses to the standard form of the silver layer: readable, one spelling for each address."""

from __future__ import annotations

import re
import unicodedata

# Official name of each province and its short forms in use (Ministry of the Interior and Safety). Gangwon has been a
# special self-governing province since 2023, Jeonbuk since 2024.
_PROVINCES = {
    "서울특별시": ("서울", "서울시"),
    "부산광역시": ("부산", "부산시"),
    "대구광역시": ("대구", "대구시"),
    "인천광역시": ("인천", "인천시"),
    "광주광역시": ("광주", "광주시"),
    "대전광역시": ("대전", "대전시"),
    "울산광역시": ("울산", "울산시"),
    "세종특별자치시": ("세종", "세종시"),
    "경기도": ("경기",),
    "강원특별자치도": ("강원", "강원도"),
    "충청북도": ("충북",),
    "충청남도": ("충남",),
    "전북특별자치도": ("전북", "전라북도"),
    "전라남도": ("전남",),
    "경상북도": ("경북",),
    "경상남도": ("경남",),
    "제주특별자치도": ("제주", "제주도"),
}
_OFFICIAL = {short: official for official, shorts in _PROVINCES.items() for short in shorts}
_COUNTRY = re.compile(r"^(?:대한민국|한국)\s+")
_SPACE = re.compile(r"\s+")
_COMMA = re.compile(r"\s*,\s*")
_ROAD_NUMBER = re.compile(r"(?<=[가-힣])(대로|로|길)(\d+(?:-\d+)?)(?![\d가-힣-])")
_BRANCH_NUMBER = re.compile(r"(번?길)(\d+(?:-\d+)?)(?![\d가-힣-])")
_LOT_NUMBER = re.compile(r"(?<=[가-힣])(동|리|가)(\d+(?:-\d+)?)(?:번지)?(?![\d가-힣-])")
_LOT_SUFFIX = re.compile(r"(\d)번지(?=\s|,|$)")
_FLAT = re.compile(r"(\d+동)(\d+호)")
_BRACKET = re.compile(r"\s*\(\s*([^()]*?)\s*\)\s*")


def tidy_address(text: str) -> str | None:
    """Return an address with the official name of its province, one space between parts, and without the country.

    None if no text is left. Road-name (도로명) and lot-number (지번) addresses are not converted into each other.
    Nothing is looked up, so no part is added.

    >>> tidy_address("서울시  강남구 테헤란로12 ( 역삼동 ),101동1203호")
    '서울특별시 강남구 테헤란로 12 (역삼동), 101동 1203호'
    >>> tidy_address("대한민국 경기 성남시 정자동12-3번지")
    '경기도 성남시 정자동 12-3'
    >>> tidy_address("101-1203, 12 Teheran-daero 3-gil,Gangnam-gu , Seoul")
    '101-1203, 12 Teheran-daero 3-gil, Gangnam-gu, Seoul'
    """
    plain = _SPACE.sub(" ", unicodedata.normalize("NFKC", text)).strip(" ,.")
    plain = _COUNTRY.sub("", plain)
    if not plain:
        return None
    head, _, rest = plain.partition(" ")
    plain = f"{_OFFICIAL.get(head, head)} {rest}"
    plain = _BRACKET.sub(r" (\1) ", plain)
    for pattern in (_ROAD_NUMBER, _BRANCH_NUMBER, _LOT_NUMBER, _FLAT):
        plain = pattern.sub(r"\1 \2", plain)
    plain = _LOT_SUFFIX.sub(r"\1", plain)
    plain = _COMMA.sub(", ", plain)
    return _SPACE.sub(" ", plain).strip(" ,")
