"""Standardises the columns of a person file into the columns that blocking and comparison read."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.matching.mapping import Mapping
from pipelines.matching.standardise.address import parse_address, postal_area, standardise_postal_code
from pipelines.matching.standardise.birth_date import standardise_birth_date
from pipelines.matching.standardise.contact import standardise_device, standardise_email, standardise_phone
from pipelines.matching.standardise.generation import parse_generation
from pipelines.matching.standardise.letter_bits import letter_bits, number_bits, token_bits
from pipelines.matching.standardise.name import Name, comparable, parse_full_name, parse_parts, phonetic_key
from pipelines.matching.standardise.name_form import (
    KOREAN,
    ROMANISED,
    crosswise_key,
    given_forms,
    given_script,
    hangul_form,
    number_of,
    surname_forms,
    surname_script,
)
from pipelines.matching.standardise.script import script_of
from pipelines.matching.standardise.text import fold, strip_accents
from privacy.protection.normal_form import is_scientific

_SEX = {
    "m": "m", "male": "m", "man": "m", "남": "m", "남자": "m", "남성": "m", "1": "m",
    "f": "f", "female": "f", "woman": "f", "여": "f", "여자": "f", "여성": "f", "2": "f",
}  # fmt: skip

# Columns on which edit distances are computed.
_EDIT_DISTANCE_COLUMNS = (
    "given_text", "surname_text", "given_jamo", "birth_date", "phone", "email", "identifier",
    "postal_code", "address", "street", "place",
)  # fmt: skip


def prepare(frame: pd.DataFrame, mapping: Mapping, region: str = "KR", *, is_mixed: bool | None = None) -> pd.DataFrame:
    """Standardise a person file into one row per record, in the same order.

    Args:
        frame: one row per record; every column is text or null; any index.
        mapping: the columns of each part.
        region: two-letter country whose numbering plan applies to phone numbers without a country code.
        is_mixed: whether to make the columns that compare names of different scripts; if None, they are made where the
            file has names in several scripts (see `has_several_scripts`).

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
        _add_address(out, frame, mapping.address, out.get("house_number"))
    for number, column in enumerate(mapping.place):
        out[f"place_{number}"] = _first(frame, (column,), lambda t: strip_accents(fold(t) or "") or None)
    for number, column in enumerate(mapping.attribute):
        out[f"attribute_{number}"] = _first(frame, (column,), fold)
    for column in [c for c in out.columns if c.rstrip("_0123456789") in _EDIT_DISTANCE_COLUMNS]:
        out[f"{column}_bits"] = _bits(out[column])
    return out


def has_several_scripts(frame: pd.DataFrame, mapping: Mapping) -> bool:
    """Return whether the names of a person file are in several scripts, such as Hangul and Latin letters."""
    columns = (*mapping.given_name, *mapping.surname, *mapping.name)
    found = set[str]()
    for text in (text for column in columns for text in frame[column].dropna().unique()):
        found.add(script_of(text))
        if len(found) > 1:
            return True
    return False


def _add_names(out: pd.DataFrame, frame: pd.DataFrame, mapping: Mapping, is_mixed: bool | None) -> None:
    mixed = has_several_scripts(frame, mapping) if is_mixed is None else is_mixed
    names, codes = _parse_names(out, frame, mapping)
    out["given"] = _take([n.given for n in names], codes)
    out["surname"] = _take([n.surname for n in names], codes)
    out["name_tokens"] = _take([list(n.tokens) or None for n in names], codes)
    out["name_tokens_bits"] = np.array([token_bits(n.tokens) for n in names], dtype=np.int64)[codes]
    for part in ("given", "surname"):
        out[f"{part}_token_bits"] = _spread(out[part], lambda t: token_bits([t]))
        out[f"{part}_text"] = _distinct(out[part], comparable)
    out["generation"] = _generation(frame, mapping)
    out["given_key"] = _distinct(out["given"], phonetic_key)
    out["surname_key"] = _distinct(out["surname"], lambda t: phonetic_key(t, family=True))
    for part, forms_of, code_of in (
        ("given", given_forms, given_script),
        ("surname", surname_forms, surname_script),
    ):
        forms = [forms_of(name, is_mixed=mixed) for name in names]
        # In a mixed file the only form of a name is its number, because columns of lists are slow.
        out[f"{part}_forms"] = _take([list(f) if len(f) > mixed else None for f in forms], codes)
        out[f"{part}_forms_bits"] = np.array([number_bits(f) for f in forms], dtype=np.int64)[codes]
        if mixed:
            _add_scripts(out, part, names, [code_of(name) for name in names], codes)


def _generation(frame: pd.DataFrame, mapping: Mapping) -> pd.Series:
    """Return the generation of each person as the name, or a suffix in a column of its own, states it."""
    sources = (
        (mapping.suffix, 0),
        ((*mapping.surname, *mapping.given_name), 1),
        ((*mapping.name, *mapping.latin_name), 2),
    )
    found = _coalesce(frame, ())
    for columns, words_before in sources:
        values = _first(frame, columns, partial(parse_generation, words_before=words_before))
        found = found.where(found.notna(), values)
    return found


def _add_scripts(
    out: pd.DataFrame,
    part: str,
    names: Sequence[Name],
    scripts: Sequence[int],
    codes: NDArray[np.intp],
) -> None:
    """Add the columns that compare names of different scripts."""
    texts = [name.given if part == "given" else name.surname for name in names]
    written = list(zip(texts, scripts, strict=True))
    made: dict[tuple[str | None, int], tuple[str | None, str | None, str | None]] = {}
    numbers: dict[tuple[str | None, int], int] = {(None, script): 0 for script in scripts}
    for text, script in set(written):
        if text:
            read = hangul_form(text, script, is_family=part == "surname")
            jamo = comparable(read) if script in (KOREAN, ROMANISED) else None
            made[text, script] = crosswise_key(text, script), read, jamo
            numbers[text, script] = number_of(read)
    out[f"{part}_script"] = np.array(scripts, dtype=np.int64)[codes]
    out[f"{part}_form_number"] = np.array([numbers[key] for key in written], dtype=np.int64)[codes]
    for number, name in enumerate(("cross", "hangul", "jamo") if part == "given" else ("cross", "hangul")):
        out[f"{part}_{name}"] = _take([made[key][number] if key in made else None for key in written], codes)


def _parse_names(out: pd.DataFrame, frame: pd.DataFrame, mapping: Mapping) -> tuple[list[Name], NDArray[np.intp]]:
    """Return the distinct names of a file, and for each row the position of its name.

    A name in Latin letters beside the name is a further reading of it. Its given name is also added to `out`, as
    `latin_given`.
    """
    given, surname, name, latin = (
        _coalesce(frame, columns) for columns in (mapping.given_name, mapping.surname, mapping.name, mapping.latin_name)
    )
    if mapping.given_name or mapping.surname:
        triples = pd.MultiIndex.from_arrays([given.fillna(""), surname.fillna(""), name.fillna("")])
        codes, distinct = triples.factorize()
        return [parse_parts(g or None, s or None, n or None) for g, s, n in distinct], codes
    if not (mapping.name and mapping.latin_name):
        codes, distinct = pd.factorize(name.where(name.notna(), latin).fillna(""))
        return [parse_full_name(text or None) for text in distinct], codes
    romanised = {text: parse_full_name(text) for text in latin.dropna().unique()}
    out["latin_given"] = latin.map(lambda t: romanised[t].given, na_action="ignore")
    codes, distinct = pd.MultiIndex.from_arrays([name.fillna(""), latin.fillna("")]).factorize()
    return [_with_latin(parse_full_name(text or None), romanised.get(other)) for text, other in distinct], codes


def _with_latin(name: Name, latin: Name | None) -> Name:
    if latin is None or name.given is None:
        return latin or name
    return replace(name, others=(*name.others, (latin.given, latin.surname), *latin.others))


def _add_address(out: pd.DataFrame, frame: pd.DataFrame, columns: Sequence[str], number: pd.Series | None) -> None:
    """Add the columns of one address, which several columns of the file may hold."""
    joined = frame[columns[0]].reset_index(drop=True).fillna("")
    for column in columns[1:]:
        joined = joined + " " + frame[column].reset_index(drop=True).fillna("")
    if number is not None:
        out["street"] = _distinct(joined, lambda text: parse_address(text).text)
        # Only where the words lack the number, so that a file with both forms has one address and not two.
        lacks = np.array([n not in w.split() for w, n in zip(joined, number.fillna(""), strict=True)], dtype=bool)
        joined = (number.fillna("") + " " + joined).where(lacks, joined)
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
    values = _distinct(_coalesce(frame, tuple(columns[:1])), standardise)
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
