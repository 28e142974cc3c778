"""Mapping from the parts of a person (name, phone …) to columns of a file, read from YAML or guessed from the file."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import pandas as pd
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from ruamel.yaml import YAML

from pipelines.matching.errors import MappingError, NoIdentifierError


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Columns = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]


class Mapping(BaseModel):
    """The columns of a person file that hold each part of a person.

    Of several columns of one part the first with a value is used. Columns of an address, and the house number, are
    joined to one address, whose evidence counts once. Each column of
    `identifier`, `household`, `place` and `attribute` is compared separately.

    Attributes:
        record_id: column that identifies a record; never compared.
        source: column with the file or system that a record comes from.
        name: the whole name in one column.
        latin_name: the same name in Latin letters.
        suffix: generation suffix of the name (Sr, Jr, II), if it is not in the name itself.
        identifier: numbers that one person has (tax, insurance, member, card).
        device: device and cookie ids; a household may share them.
        household: numbers that a family shares (account, household).
        attribute: other values that rarely change for a person (occupation, state).
        one_per_person: whether each source contains a person at most once.

    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    record_id: str | None = None
    source: str | None = None
    given_name: Columns = ()
    surname: Columns = ()
    name: Columns = ()
    latin_name: Columns = ()
    suffix: Columns = ()
    birth_date: Columns = ()
    sex: Columns = ()
    phone: Columns = ()
    email: Columns = ()
    identifier: Columns = ()
    device: Columns = ()
    household: Columns = ()
    house_number: Columns = ()
    address: Columns = ()
    place: Columns = ()
    postal_code: Columns = ()
    attribute: Columns = ()
    one_per_person: bool = False

    def parts(self) -> dict[str, tuple[str, ...]]:
        """Return the columns of each part that is compared."""
        return {part: getattr(self, part) for part in PARTS if getattr(self, part)}

    def describe(self) -> str:
        """Return one line of text with the columns of each part."""
        found = [f"{part} ← {', '.join(columns)}" for part, columns in self.parts().items()]
        keys = [f"{part} ← {getattr(self, part)}" for part in ("record_id", "source") if getattr(self, part)]
        return "; ".join([*keys, *found])


PARTS = (
    "given_name",
    "surname",
    "name",
    "latin_name",
    "suffix",
    "birth_date",
    "sex",
    "phone",
    "email",
    "identifier",
    "device",
    "household",
    "house_number",
    "address",
    "place",
    "postal_code",
    "attribute",
)
# Parts of which a file needs at least one, because they distinguish people; a sex or a place does not.
IDENTIFYING = (
    "given_name",
    "surname",
    "name",
    "latin_name",
    "birth_date",
    "phone",
    "email",
    "identifier",
    "device",
)

# Pattern of the headers of each part; the first that matches decides. Headers are compared in lower case, without
# spaces, dashes, dots, brackets and underscores.
_HEADERS: dict[str, str] = {
    "record_id": r"(unique|rec|record|row|source)?(id|key|no)|uid|guid|uuid|순번|번호|레코드번호|일련번호",
    "source": r"source(dataset|system|name)?|dataset|system|origin|출처|시스템|원천",
    "given_name": r"(first|given|fore|christian)(name)?s?|fname|prenom|vorname|이름만|명",
    "surname": r"(last|family|sur)(name)?|lname|nachname|nom|성",
    "latin_name": r"(name)?(latin|english|roman(ised|ized)?)(name)?|nameen|nameeng|영문(명|이름|성명)?",
    "suffix": r"(name|generation(al)?)?suffix",
    "name": r"(full|customer|member|person|receiver|recipient|display|contact)?name|firstandsurname"
    r"|성명|이름|고객명|회원명|수령인|수취인|성함",
    "birth_date": r"(dateof)?birth(date|day)?|dob|birthdt|bday|생년월일|생일",
    "sex": r"sex|gender|성별",
    "phone": r"(home|work|cell|mobile|contact|receiver|customer)?(tele)?(phone|mobile|cell|tel)"
    r"(number|no|num)?|휴대폰(번호)?|휴대전화(번호)?|전화(번호)?|연락처|핸드폰(번호)?",
    "email": r"(contact|customer|home|work)?e?mail(address|addr)?|이메일(주소)?|메일(주소)?|전자우편",
    "identifier": r"(soc(ial)?sec(urity)?|ssn|national|tax|passport|insurance|member(ship)?|loyalty|card"
    r"|customer|licen[sc]e)(id|no|num|number)?|ci|회원번호|카드번호|고객번호|주민등록번호|여권번호",
    "device": r"(device|cookie|advertising|ad|browser)(id)?|idfa|gaid|기기(번호|id)?|쿠키",
    "house_number": r"(street|house|building)(number|no|num)|번지",
    "postal_code": r"(post(al)?|zip)(code)?(fake)?|우편번호",
    "address": r"(street|home|delivery|mail(ing)?|billing)?addr(ess)?(line)?\d?|street(name)?"
    r"|(unit|apartment|apt|flat|suite)(number|no|num)?|주소\d?|도로명주소|지번주소|배송지|상세주소|동호수",
    "household": r"(household|family|account)(id|no|num|number)?|세대번호|가구번호|계정번호",
    "place": r"(birth)?place(ofbirth)?|city|town|suburb|locality|village|district"
    r"|state|province|region|county"
    r"|시도|시군구|행정동|동|읍면동|출생지",
    "attribute": r"occupation|job|profession|nationality|title|직업",
}
_EMAIL_VALUE = re.compile(r"[^@\s]+@[^@\s]+\.[a-zA-Z]{2,}")
_PHONE_VALUE = re.compile(r"\+?[\d()\-. ]{9,17}")
_DATE_VALUE = re.compile(r"(1[5-9]|20)\d\d[-./]?\d\d?[-./]?\d\d?")
# A column gets a part by its values if at least this share of its filled cells matches the part's pattern.
_VALUE_SHARE = 0.8
# Years between the tenth and the ninetieth of a hundred births, at least.
_LEAST_BIRTH_YEARS = 15
# A column of words without another part becomes an attribute if its number of distinct values is in this range.
_ATTRIBUTE_VALUES = (2, 5000)


def load_mapping(path: Path, columns: Sequence[str]) -> Mapping:
    """Read a mapping from a YAML file and check it against the columns of the person file.

    Raises:
        MappingError: the YAML is not a mapping, a part is unknown, or the person file lacks a column.

    """
    content = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise MappingError(
            f"{path.name}: expected lines of the form `part: column`, got {type(content).__name__}. "
            "Write one line per part, for example `phone: mobile_number`."
        )
    try:
        mapping = Mapping.model_validate(content)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise MappingError(f"{path.name}: {faults}. Known parts: record_id, source, {', '.join(PARTS)}.") from None
    used = [c for part in mapping.parts().values() for c in part]
    missing = sorted({c for c in [*used, mapping.record_id, mapping.source] if c and c not in columns})
    if missing:
        raise MappingError(
            f"{path.name}: the person file has no column {', '.join(missing)}. Correct the mapping; the file's columns "
            f"are {', '.join(columns)}."
        )
    return mapping


def guess_mapping(frame: pd.DataFrame, ignore: Iterable[str] = ()) -> Mapping:
    """Return a mapping, guessed from the headers and then from the values of the columns.

    Columns of words that match no part become attributes.

    Args:
        frame: a person file; every column is text or null.
        ignore: columns to leave out, such as a truth label.

    Raises:
        NoIdentifierError: no column can identify a person.

    """
    found: dict[str, list[str]] = {}
    left = [c for c in frame.columns if c not in set(ignore)]
    named = {column: _part_of_header(column) for column in left}
    for column in left:
        part = named[column] or _part_of_values(frame[column])
        if part == "birth_date" and named[column] is None and "birth_date" in named.values():
            continue  # another date, such as that of joining
        if part:
            found.setdefault(part, []).append(column)
    # A number that is different on every record identifies records, not people: comparing it always gives "different".
    keys = [c for c in found.get("identifier", []) if frame[c].dropna().is_unique]
    found["identifier"] = [c for c in found.get("identifier", []) if c not in keys]
    record_id = _unique_column(frame, [*found.pop("record_id", []), *keys])
    source = next(iter(found.pop("source", [])), None)
    if "given_name" in found and "surname" in found and "name" in found:
        # Of several columns with whole names, take the one with the longest values: it has the most words.
        found["name"] = sorted(found["name"], key=lambda c: -float(frame[c].dropna().str.len().mean() or 0))[:1]
    mapping = Mapping(record_id=record_id, source=source, **{p: tuple(c) for p, c in found.items()})  # type: ignore[arg-type]
    check_identifying(mapping)
    return mapping


def check_identifying(mapping: Mapping) -> None:
    """Raise `NoIdentifierError` if no mapped part can identify a person."""
    if not any(getattr(mapping, part) for part in IDENTIFYING):
        raise NoIdentifierError(
            "No usable identifier: expected a name, birth date, phone, e-mail, identifier or device column, "
            f"got {mapping.describe() or 'none of them'}. Write a mapping of the columns and pass it with --mapping."
        )


def _part_of_header(column: str) -> str | None:
    bare = re.sub(r"[\s_\-.()]", "", column.strip().lower())
    return next((part for part, pattern in _HEADERS.items() if re.fullmatch(pattern, bare)), None)


def _part_of_values(values: pd.Series) -> str | None:
    filled = values.dropna()
    if filled.empty:
        return None
    sample = filled if len(filled) <= 500 else filled.sample(500, random_state=0)
    for part, pattern in (("email", _EMAIL_VALUE), ("birth_date", _DATE_VALUE), ("phone", _PHONE_VALUE)):
        if sample.str.strip().str.fullmatch(pattern).mean() >= _VALUE_SHARE:
            return part if part != "birth_date" or _spans_generations(sample) else None
    low, high = _ATTRIBUTE_VALUES
    is_text = not sample.str.fullmatch(r"[\d.,\-:/ ]+").mean() > 1 - _VALUE_SHARE
    distinct = filled.nunique()
    return "attribute" if is_text and low <= distinct <= min(high, len(filled) * 0.5) else None


def _spans_generations(dates: pd.Series) -> bool:
    """Return whether dates cover as many years as births do; those of joining or buying cover fewer."""
    years = dates.str.extract(r"((?:1[5-9]|20)\d\d)", expand=False).dropna().astype(int)
    return bool(years.quantile(0.9) - years.quantile(0.1) >= _LEAST_BIRTH_YEARS)


def _unique_column(frame: pd.DataFrame, columns: Sequence[str]) -> str | None:
    return next(iter(sorted(columns, key=lambda c: (not frame[c].is_unique, frame.columns.get_loc(c)))), None)
