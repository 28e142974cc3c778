"""Standardises postal addresses (Korean road-name and lot-number forms, Latin abbreviations) and postal codes."""

import re
from dataclasses import dataclass

from pipelines.matching.standardise.text import fold, strip_accents

_SIDO_FORMS = (
    "서울=서울특별시 부산=부산광역시 대구=대구광역시 인천=인천광역시 광주=광주광역시 대전=대전광역시 "
    "울산=울산광역시 세종=세종특별자치시 경기=경기도 강원=강원특별자치도 강원도=강원특별자치도 "
    "충북=충청북도 충남=충청남도 "
    "전북=전북특별자치도 전라북도=전북특별자치도 전남=전라남도 경북=경상북도 경남=경상남도 "
    "제주=제주특별자치도 제주도=제주특별자치도 서울시=서울특별시 부산시=부산광역시 대구시=대구광역시 "
    "인천시=인천광역시 "
    "대전시=대전광역시 울산시=울산광역시 세종시=세종특별자치시"
)
_STREET_FORMS = (
    "st=street str=street rd=road ave=avenue av=avenue dr=drive crt=court ct=court pl=place cres=crescent "
    "cct=circuit cl=close ln=lane blvd=boulevard tce=terrace pde=parade hwy=highway sq=square "
    "apt=apartment vlge=village retrmnt=retirement mt=mount nth=north sth=south gdns=gardens hts=heights"
)
_SIDO = dict(pair.split("=") for pair in _SIDO_FORMS.split())
_ABBREVIATIONS = dict(pair.split("=") for pair in _STREET_FORMS.split())
_ROAD = re.compile(r"([가-힣0-9·]+(?:대로|로|길)(?:\s?[0-9가-힣]*번?길)?)\s*(\d+(?:-\d+)?)")
_LOT = re.compile(r"([가-힣0-9]+(?:동|리|가|읍|면))\s*(산?\s?\d+(?:-\d+)?)(?:번지)?")
_UNIT = re.compile(r"(?:(\d+)\s*동\s*)?(?:지하)?(\d+)\s*호|(\d+)\s*-\s*(\d+)\s*호?$")
_HANGUL, _BRACKETED = re.compile("[가-힣]"), re.compile(r"\([^)]*\)")
_REGION = re.compile(r"[가-힣]+(?:특별시|광역시|자치시|도|시|군|구|읍|면)")
_WORD = re.compile(r"[^\W_]+")
_UK = re.compile(r"([a-z]{1,2}\d[a-z\d]?)\s*\d?[a-z\d]{0,2}")


@dataclass(frozen=True, slots=True)
class Address:
    """An address in comparable form.

    Attributes:
        text: the words in standard form and order, without the unit; `None` if unknown.
        tokens: the distinct words of `text`.
        form: `road`, `lot` or `other`.
        unit: building and door of a flat, such as `101-1203`; `None` if unknown.

    """

    text: str | None
    tokens: tuple[str, ...]
    form: str
    unit: str | None


def parse_address(text: str | None) -> Address:
    """Standardise an address.

    A Korean address is reduced to region, road or lot, number and unit. In other addresses abbreviated words are
    expanded.

    >>> found = parse_address("서울시 강남구 테헤란로 12 (역삼동) 101동 1203호")
    >>> found.text, found.form, found.unit
    ('서울특별시 강남구 테헤란로 12', 'road', '101-1203')
    >>> parse_address("12 Wallaby Pl.").text
    '12 wallaby place'
    """
    folded = fold(text)
    if folded is None:
        return Address(None, (), "other", None)
    if _HANGUL.search(folded):
        return _korean(folded)
    words = tuple(_ABBREVIATIONS.get(w, w) for w in _WORD.findall(strip_accents(folded)))
    return Address(" ".join(words) or None, tuple(dict.fromkeys(words)), "other", None)


def standardise_postal_code(text: str | None) -> str | None:
    """Return a postal code in lower case with single spaces, without the `.0` that a column of numbers adds.

    Returns `None` for codes of zeros only.

    >>> tuple(map(standardise_postal_code, ("SO50  0SA", "6236.0", "06236")))
    ('so50 0sa', '6236', '06236')
    """
    folded = fold(text)
    if folded is None:
        return None
    return re.sub(r"\.0$", "", folded) if not re.fullmatch(r"0+", folded) else None


def postal_area(code: str) -> str:
    """Return the part of a postal code that identifies a delivery area.

    It is the part before the space (the outward code), or all but the last one or two digits.

    >>> postal_area("so50 0sa"), postal_area("06236"), postal_area("2119")
    ('so50', '062', '211')
    """
    if " " in code:
        return code.split(" ")[0]
    if code.isdigit():
        return code[: -2 if len(code) >= 5 else -1]
    match = _UK.match(code)
    return match[1] if match else code[:3]


def _korean(folded: str) -> Address:
    words = folded.replace(",", " ").split()
    head = [_SIDO.get(words[0], words[0]), *words[1:]]
    plain = _BRACKETED.sub(" ", " ".join(head))
    region = tuple(w for w in plain.split() if _REGION.fullmatch(w))
    core: tuple[str, ...]
    road, lot, unit = _ROAD.search(plain), _LOT.search(plain), _UNIT.search(plain)
    if road:
        core, form = (road[1].replace(" ", ""), road[2]), "road"
    elif lot:
        core, form = (lot[1], lot[2].replace(" ", "")), "lot"
    else:
        core, form = tuple(w for w in plain.split() if w not in region), "other"
    tokens = tuple(dict.fromkeys((*region, *core)))
    return Address(" ".join(tokens) or None, tokens, form, _unit(unit))


def _unit(match: re.Match[str] | None) -> str | None:
    if match is None:
        return None
    building, door = (match[1], match[2]) if match[2] else (match[3], match[4])
    return f"{building}-{door}" if building else door
