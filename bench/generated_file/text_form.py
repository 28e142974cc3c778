"""Draws columns of text: row keys, identifiers, enumerations and free text; and booleans."""

from __future__ import annotations

import json
from random import Random

import pyarrow as pa

from bench.generated_file.cell import Cell, Column

# Letters beyond ASCII that each encoding can write, without those that Unicode normalisation changes.
LETTERS = {
    "UTF-8": "éüßÅñ서울부산똠쀍日本дж🙂👩\u200d👧",
    "CP949": "서울부산대구똠쀍뷁한글",
    "ISO-8859-1": "éüßÅñçøæÆÖ",
    "CP1252": "éüßÅñç€œŽ",
    "SHIFT_JIS": "日本語テスト東京",
    "EUC-JP": "日本語テスト東京",
    "GB18030": "中文北京上海",
    "CP1251": "джЖиПя",
    "ISO-8859-2": "łŁąęśćž",
    "EUC-KR": "서울부산대구한글",
}
WORDS = ["fine", "open", "Total", "null", "NA", "0012", "1,5", "a;b", "x|y", "tab", "=1+1", "#", "true", "2017-06-01"]
BOOLEANS = {
    "true_false": ("true", "false"),
    "Y_N": ("Y", "N"),
    "1_0": ("1", "0"),
    "T_F": ("T", "F"),
    "yes_no": ("yes", "no"),
    "TRUE_FALSE": ("TRUE", "FALSE"),
    "True_False": ("True", "False"),
}


def letters_of(encoding: str) -> str:
    """Return letters beyond ASCII that the encoding can write; of an unknown encoding, those of UTF-8."""
    return LETTERS.get(encoding, LETTERS["UTF-8"])


def cell_of(text: str, *, is_sound: bool = True, token: str | None = None) -> Cell:
    """Return a cell whose true value is its text."""
    return Cell((text,) if is_sound else (), text, json.dumps(text, ensure_ascii=False), text, is_sound, token)


def key_column(keys: list[str]) -> Column:
    """Return the column of row keys, which names each row: it yields the given keys in order."""
    left = iter(keys)
    return Column(
        "row_key", "key", "text", "string", "string", lambda rng: cell_of(next(left)),
        options={"pattern": "^K[0-9]{5}$"}, custom={}, is_required=True, arrow_type=pa.string(),
    )  # fmt: skip


def identifier_column(rng: Random, name: str) -> Column:
    """Return a column of identifiers: with leading zeros, longer than 2⁵³, or with letters."""
    form = rng.choice(["leading_zero", "long", "letters", "rare_zero", "member"])

    def draw(rng: Random) -> Cell:
        if form == "leading_zero":
            text = f"{rng.randrange(10**6):08d}"
        elif form == "long":
            text = str(rng.randrange(2**53, 10**19))
        elif form == "rare_zero":
            text = f"0{rng.randrange(1000)}" if rng.random() < 0.05 else str(rng.randrange(1000, 10**9))
        elif form == "member":
            text = f"M{rng.randrange(10**9):09d}"
        else:
            text = f"{rng.choice('ABCXYZ')}{rng.randrange(10**4)}-{rng.choice('abc')}/{rng.randrange(100):02d}"
        return cell_of(text, token=text)

    return Column(name, "identifier", form, "string", "string", draw, arrow_type=pa.string())


def decorated_column(rng: Random, name: str) -> Column:
    """Return a column of member numbers that some values write with invisible or full-width characters."""

    def draw(rng: Random) -> Cell:
        plain = f"M{rng.randrange(10**9):09d}"
        written = rng.choice(
            [
                plain,
                plain,
                plain + "\u200b",
                "\u00a0" + plain + " ",
                "".join(chr(ord(c) + 0xFEE0) for c in plain),
                f"\ufeff{plain}",
            ]
        )
        return Cell((written, plain), written, json.dumps(written, ensure_ascii=rng.random() < 0.5), written,
                    is_sound=written == plain, token=plain)  # fmt: skip

    return Column(
        name, "identifier", "decorated", "string", "string", draw, custom={"token": "member_no"}, arrow_type=pa.string()
    )


def destroyed_column(rng: Random, name: str) -> Column:
    """Return a column of card numbers of which a spreadsheet has written some in scientific notation."""

    def draw(rng: Random) -> Cell:
        plain = str(rng.randrange(10**15, 10**16))
        if rng.random() < 0.3:
            return Cell((), f"{float(plain):.2E}", json.dumps(f"{float(plain):.2E}"), plain, is_sound=False)
        return cell_of(plain, token=plain)

    return Column(
        name, "identifier", "destroyed", "string", "string", draw, custom={"token": "card_no"}, arrow_type=pa.string()
    )


def enum_column(rng: Random, name: str, encoding: str) -> Column:
    """Return a column with few allowed texts; a few values are not allowed."""
    allowed = rng.sample(["S", "M", "L", "XL", "red", "blue", letters_of(encoding)[:2]], rng.randint(2, 5))

    def draw(rng: Random) -> Cell:
        if rng.random() < 0.02:
            return cell_of("other", is_sound=False)
        return cell_of(rng.choice(allowed))

    return Column(name, "enum", "enum", "string", "string", draw, enum=tuple(allowed), arrow_type=pa.string())


def free_text_column(rng: Random, name: str, encoding: str, *, is_multiline: bool = True) -> Column:
    """Return a column of free text with quotes, delimiters, line breaks and letters of the encoding."""
    hard = ['"', '""', "'", ",", ";", "|", "\\", "  ", "%", "<b>"] + (["\n", "\r\n", "\n\n"] if is_multiline else [])
    letters = letters_of(encoding)
    if encoding.startswith("UTF"):
        # Characters at which some readers end a line, and others that nobody sees.
        hard += ["\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\u00a0", "\u200b", "a\0b", "\u202e"]

    def draw(rng: Random) -> Cell:
        parts = [rng.choice(WORDS) for _ in range(rng.randint(1, 3))]
        parts += [rng.choice(hard) for _ in range(rng.choice([0, 0, 1, 2]))]
        if rng.random() < 0.5:
            parts.append("".join(rng.choice(letters) for _ in range(3)))
        rng.shuffle(parts)
        text = rng.choice(["", " ", "-"]).join(parts)
        # A field that looks like null to somebody is another matter; text has at least one letter.
        return cell_of("t" + text)

    return Column(name, "text", "text", "string", "string", draw, arrow_type=pa.string())


def nested_column(rng: Random, name: str) -> Column:
    """Return a column of JSON objects and lists; as text they must be the same JSON, with numbers as numbers."""

    def draw(rng: Random) -> Cell:
        value: dict[str, object] = {
            "sku": f"0{rng.randrange(999):03d}",
            "qty": rng.randrange(9),
            "price": rng.randrange(1000) / 10,
            "tags": rng.sample(["a", "b", 1, None, True], 2),
            "in": {"id": rng.randrange(2**53, 2**63), "text": 'q"\n☃'},
        }
        return Cell((value,), "", json.dumps(value, ensure_ascii=rng.random() < 0.5))

    return Column(name, "nested", "object", "string", "string", draw)


def boolean_column(rng: Random, name: str) -> Column:
    """Return a column of booleans in one spelling; a few values are in no known spelling."""
    form = rng.choice(list(BOOLEANS))
    yes, no = BOOLEANS[form]

    def draw(rng: Random) -> Cell:
        if rng.random() < 0.02:
            return Cell((), "2", '"maybe"', None, is_sound=False)
        value = rng.random() < 0.5
        text = yes if value else no
        native = "true" if value else "false"
        return Cell((value,), text, rng.choice([native, json.dumps(text)]), value)

    return Column(name, "boolean", form, "boolean", "boolean", draw, arrow_type=pa.bool_())
