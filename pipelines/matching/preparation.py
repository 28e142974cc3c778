"""Standardises the columns of a person file into the columns that blocking and comparison read."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.matching.mapping import Mapping
from pipelines.matching.standardise import hangul
from pipelines.matching.standardise.address import parse_address, postal_area, standardise_postal_code
from pipelines.matching.standardise.birth_date import standardise_birth_date
from pipelines.matching.standardise.contact import standardise_device, standardise_email, standardise_phone
from pipelines.matching.standardise.letter_bits import letter_bits, token_bits
from pipelines.matching.standardise.name import (
    Name,
    comparable,
    crosswise_key,
    parse_full_name,
    parse_parts,
    phonetic_key,
    variants,
)
from pipelines.matching.standardise.text import fold, strip_accents
from privacy.protection.normal_form import is_scientific

_SEX = {
    "m": "m", "male": "m", "man": "m", "남": "m", "남자": "m", "남성": "m", "1": "m",
    "f": "f", "female": "f", "woman": "f", "여": "f", "여자": "f", "여성": "f", "2": "f",
}  # fmt: skip

# Columns on which edit distances are computed.
_EDIT_DISTANCE_COLUMNS = (
    "given_text", "surname_text", "birth_date", "phone", "email", "identifier", "postal_code", "address", "place",
)  # fmt: skip


def prepare(frame: pd.DataFrame, mapping: Mapping, region: str = "KR", *, is_mixed: bool | None = None) -> pd.DataFrame:
    """Standardise a person file into one row per record, in the same order.

    Args:
        frame: one row per record; every column is text or null; any index.
        mapping: the columns of each part.
        region: two-letter country whose numbering plan applies to phone numbers without a country code.
        is_mixed: whether to make the keys that compare Hangul with Latin spellings; if None, they are made where the
            file has Hangul names.

    Returns:
        `rid` numbers the rows from 0. `source` is `''` if unknown. The other columns exist only for mapped parts and
        contain text, lists, bit patterns (`…_bits`) or null (unknown).

    """
    out = pd.DataFrame({"rid": range(len(frame))})
    out["source"] = frame[mapping.source].fillna("").to_numpy() if mapping.source else ""
    if mapping.given_name or mapping.surname or mapping.name or mapping.latin_name:
        _add_names(out, frame, mapping, is_mixed)
    if mapping.birth_date:
        out["birth_date"] = _first(frame, mapping.birth_date, standardise_birth_date)
        out["birth_year"], out["birth_day"] = out["birth_date"].str[:4], out["birth_date"].str[5:]
    if mapping.sex:
        out["sex"] = _first(frame, mapping.sex, lambda t: _SEX.get(fold(t) or ""))
    if mapping.phone:
        out["phone"] = _first(frame, mapping.phone, lambda t: standardise_phone(t, region))
    if mapping.email:
        out["email"] = _first(frame, mapping.email, standardise_email)
        out["email_local"] = out["email"].str.split("@").str[0]
        out["email_digits"] = _distinct(out["email"], lambda t: "".join(c for c in t if c.isdigit()))
    if mapping.device:
        out["device"] = _first(frame, mapping.device, standardise_device)
    for number, column in enumerate(mapping.household):
        out[f"household_{number}"] = _first(frame, (column,), _identifier)
    for number, column in enumerate(mapping.identifier):
        out[f"identifier_{number}"] = _first(frame, (column,), _identifier)
    if mapping.postal_code:
        out["postal_code"] = _first(frame, mapping.postal_code, standardise_postal_code)
        out["postal_area"] = _distinct(out["postal_code"], postal_area)
    if mapping.house_number:
        out["house_number"] = _first(frame, mapping.house_number, fold)
    if mapping.address:
        _add_address(out, frame, mapping.address)
    for number, column in enumerate(mapping.place):
        out[f"place_{number}"] = _first(frame, (column,), lambda t: strip_accents(fold(t) or "") or None)
    for number, column in enumerate(mapping.attribute):
        out[f"attribute_{number}"] = _first(frame, (column,), fold)
    for column in [c for c in out.columns if c.rstrip("_0123456789") in _EDIT_DISTANCE_COLUMNS]:
        out[f"{column}_bits"] = _bits(out[column])
    return out


def _add_names(out: pd.DataFrame, frame: pd.DataFrame, mapping: Mapping, is_mixed: bool | None) -> None:
    given, surname, name, latin = (
        _coalesce(frame, columns) for columns in (mapping.given_name, mapping.surname, mapping.name, mapping.latin_name)
    )
    if mapping.given_name or mapping.surname:
        triples = pd.MultiIndex.from_arrays([given.fillna(""), surname.fillna(""), name.fillna("")])
        codes, distinct = triples.factorize()
        names = [parse_parts(g or None, s or None, n or None) for g, s, n in distinct]
    else:
        codes, distinct = pd.factorize(name.where(name.notna(), latin).fillna(""))
        names = [parse_full_name(text or None) for text in distinct]
    out["given"] = _take([n.given for n in names], codes)
    out["surname"] = _take([n.surname for n in names], codes)
    out["name_tokens"] = _take([list(n.tokens) or None for n in names], codes)
    out["name_tokens_bits"] = np.array([token_bits(n.tokens) for n in names], dtype=np.int64)[codes]
    for part in ("given", "surname"):
        out[f"{part}_token_bits"] = _spread(out[part], lambda t: token_bits([t]))
    out["given_text"], out["surname_text"] = (
        _distinct(out["given"], comparable),
        _distinct(out["surname"], comparable),
    )
    out["given_key"] = _distinct(out["given"], phonetic_key)
    out["surname_key"] = _distinct(out["surname"], lambda t: phonetic_key(t, family=True))
    out["given_forms"] = _distinct(out["given"], lambda t: list(variants(t)) or None)
    out["given_forms_bits"] = _spread(out["given"], lambda t: token_bits(map(str, variants(t))))
    _add_crosswise(out, latin if mapping.name and mapping.latin_name else None, is_mixed)


def _add_crosswise(out: pd.DataFrame, latin: pd.Series | None, is_mixed: bool | None) -> None:
    """Add columns of keys that are equal for Hangul and Latin spellings of a name.

    They are null if `is_mixed` is False, or if it is None and no name is in Hangul.
    """
    given = out["given"].dropna()
    has_hangul = bool(given.map(hangul.is_hangul).any()) if is_mixed is None else is_mixed
    out["given_cross"] = _distinct(out["given"], crosswise_key) if has_hangul else None
    out["surname_cross"] = _distinct(out["surname"], lambda t: crosswise_key(t, family=True)) if has_hangul else None
    if latin is not None:
        romanised: dict[str, Name] = {t: parse_full_name(t) for t in latin.dropna().unique()}
        out["latin_given"] = latin.map(lambda t: romanised[t].given, na_action="ignore")


def _add_address(out: pd.DataFrame, frame: pd.DataFrame, columns: Sequence[str]) -> None:
    joined = frame[columns[0]].fillna("")
    for column in columns[1:]:
        joined = joined + " " + frame[column].fillna("")
    codes, distinct = pd.factorize(joined)
    parsed = [parse_address(text) for text in distinct]
    out["address"] = _take([a.text for a in parsed], codes)
    out["address_tokens"] = _take([list(a.tokens) or None for a in parsed], codes)
    out["address_tokens_bits"] = np.array([token_bits(a.tokens) for a in parsed], dtype=np.int64)[codes]
    out["address_unit"] = _take([a.unit for a in parsed], codes)


def _coalesce(frame: pd.DataFrame, columns: Sequence[str]) -> pd.Series:
    if not columns:
        return pd.Series([None] * len(frame), dtype=object)
    values = frame[columns[0]].reset_index(drop=True)
    for column in columns[1:]:
        values = values.where(values.notna(), frame[column].reset_index(drop=True))
    return values


def _first(frame: pd.DataFrame, columns: Sequence[str], standardise: Callable[[str], str | None]) -> pd.Series:
    """Return for each row the first of the columns whose value can be standardised; null if none can."""
    values = _distinct(_coalesce(frame, columns[:1]), standardise)
    for column in columns[1:]:
        values = values.where(values.notna(), _distinct(_coalesce(frame, (column,)), standardise))
    return values


def _distinct(values: pd.Series, function: Callable[[str], object]) -> pd.Series:
    """Return the function's result for each value, computed once per distinct value; null stays null."""
    codes, distinct = pd.factorize(values)
    return _take([function(v) for v in distinct], codes)


def _spread(values: pd.Series, function: Callable[[str], int]) -> NDArray[np.int64]:
    """Return the function's integer for each value, computed once per distinct value; 0 for null."""
    codes, distinct = pd.factorize(values)
    return np.array([*(function(v) for v in distinct), 0], dtype=np.int64)[codes]


def _bits(values: pd.Series) -> NDArray[np.int64]:
    """Return the letter bits of each value; 0 for null (no comparison reads it)."""
    codes, distinct = pd.factorize(values)
    return np.append(letter_bits(list(distinct)), 0)[codes]


def _take(values: Sequence[object], codes: NDArray[np.intp]) -> pd.Series:
    """Return the value of each code, one per row; code -1 gives null."""
    pool = pd.Series([*values, None], dtype=object)
    return pd.Series(pool.to_numpy()[codes], dtype=object)


def _identifier(text: str) -> str | None:
    folded = fold(text)
    if folded is None or is_scientific(text):
        return None
    bare = folded if folded.isalnum() else "".join(c for c in folded if c.isalnum())
    return bare if bare.strip("0") else None
