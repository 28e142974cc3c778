"""Draws files in the dialects of many exporting systems, with headers as such systems write them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random

import pyarrow as pa

from bench.generated_file.cell import Cell, Column
from bench.generated_file.file_form import FileForm
from bench.generated_file.generate import GeneratedFile, write_text_file
from bench.generated_file.number_form import decimal_column, double_column, integer_column
from bench.generated_file.text_form import (
    boolean_column,
    cell_of,
    destroyed_column,
    free_text_column,
    identifier_column,
    key_column,
)
from bench.generated_file.time_form import (
    Zones,
    date_column,
    epoch_column,
    excel_column,
    local_time_column,
    zoned_time_column,
)

# Name in the contract, Python's codec, weight.
ENCODINGS = (
    ("UTF-8", "utf-8", 12),
    ("UTF-8-BOM", "utf-8-sig", 4),
    ("UTF-16", "utf-16", 2),
    ("CP949", "cp949", 6),
    ("ISO-8859-1", "iso-8859-1", 3),
    ("CP1252", "cp1252", 3),
    ("SHIFT_JIS", "shift_jis", 1),
    ("GB18030", "gb18030", 1),
    ("CP1251", "cp1251", 1),
)
# Words of names and places in the languages that each encoding is used for.
WORDS = {
    "utf-8": (
        "김민준", "이서연", "박지훈", "최수빈", "서울특별시", "부산광역시", "우유", "Müller",
        "José", "Zoë", "東京", "Łódź", "Ångström", "café",
    ),
    "cp949": (
        "김민준", "이서연", "박지훈", "최수빈", "정하은", "서울특별시", "부산광역시", "강남구", "우유",
        "식빵", "똠방각하", "펲시", "골드", "실버",
    ),
    "iso-8859-1": (
        "Åsa", "Åke", "Örebro", "Malmö", "Jørgen", "Bæk", "Århus", "Müller", "Köln", "Straße",
        "José", "Muñoz", "João",
        "São", "François", "Élodie", "crème",
    ),
    "cp1252": (
        "Åsa", "Örebro", "Jørgen", "Århus", "Müller", "Köln", "Größe", "José", "Muñoz", "João",
        "François", "Élodie", "œuvre", "naïve", "“quoted”", "€uro",
    ),
    "shift_jis": (
        "東京都", "大阪府", "りんご", "バナナ", "山田太郎", "鈴木花子", "商品名", "ひらがな", "カタカナ", "牛乳",
    ),
    "gb18030": (
        "北京市", "上海市", "张伟", "王芳", "苹果", "牛奶", "广州", "深圳", "数量", "中文",
    ),
    "cp1251": (
        "Москва", "Анна", "Иванов", "Петрова", "молоко", "хлеб", "Казань", "Сочи", "яблоко",
        "Жуков",
    ),
}  # fmt: skip
PLAIN_WORDS = ["milk", "bread", "apple", "Seoul", "Berlin", "open", "closed", "gold", "silver"]
NULLS = ((), (), (), ("NULL",), ("\\N",), ("N/A",), ("-",), ("#N/A",), ("nan",))
HEADERS: dict[str, tuple[str, ...]] = {
    "identifier": ("member_no", "order_id", "sku", "store_code", "Customer ID", "product_code"),
    "integer": ("quantity", "points", "visits", "Stock", "pieces"),
    "decimal": ("amount", "price", "unit_price", "Total", "balance", "discount"),
    "double": ("ratio", "score", "weight", "Temperature", "distance"),
    "time": ("created_at", "ordered_at", "updated", "event_time", "timestamp", "Order Date", "visited_at"),
    "date": ("used_on", "birth_date", "issued_on", "start_date", "Due Date", "joined_on"),
    "boolean": ("is_active", "sms_yn", "opt_in", "flag", "Subscribed"),
    "enum": ("size", "grade", "channel", "status"),
    "text": ("comment", "name", "city", "description", "item"),
}
LONGEST_TABLE = 120


def generate_dialect(seed: int, *, is_telling: bool = True) -> GeneratedFile:
    """Return the CSV file of a seed: 20 to 120 rows, three to eight columns, its contract and its true rows.

    Values that follow no contract are left out, so that one draft is right.

    Args:
        seed: number of the file.
        is_telling: whether headers name what a column holds. Otherwise they are c1, c2, c3 …; the values are the same.
    """
    rng = Random(seed)
    encoding, codec, _ = rng.choices(ENCODINGS, [weight for *_, weight in ENCODINGS])[0]
    delimiter = rng.choice([*",,,;;\t\t|"])
    titles = ("Sales export", "Generated 2017-06-30", delimiter * 3, "")[: rng.randint(1, 4)]
    footers = (f"Total{delimiter * 2}1500", "End of report")[: rng.randint(1, 2)]
    form = FileForm(
        "csv", encoding, codec, delimiter, rng.choice("\"\"\"\"'"), rng.choice(["\n", "\r\n"]),
        titles if rng.random() < 0.2 else (), footers if rng.random() < 0.15 else (), rng.choice(NULLS),
        quotes_all=rng.random() < 0.15,
    )  # fmt: skip
    keys = [f"K{number:05d}" for number in range(1, rng.randint(20, LONGEST_TABLE) + 1)]
    columns = _draw_columns(rng, form, keys)
    if not is_telling:
        columns = tuple(replace(column, header=f"c{n}") for n, column in enumerate(columns, start=1))
    return write_text_file(seed, rng, form, columns, keys, is_plain=True)


def _draw_columns(rng: Random, form: FileForm, keys: list[str]) -> tuple[Column, ...]:
    zones, codec = Zones(), form.codec
    makers: Sequence[tuple[str, Callable[[str], Column]]] = (
        ("identifier", lambda name: identifier_column(rng, name)),
        ("integer", lambda name: integer_column(rng, name, codec)),
        ("decimal", lambda name: decimal_column(rng, name, codec)),
        ("double", lambda name: double_column(rng, name)),
        ("time", lambda name: local_time_column(rng, name, zones)),
        ("time", lambda name: zoned_time_column(rng, name, zones)),
        ("time", lambda name: epoch_column(rng, name, zones)),
        ("time", lambda name: excel_column(rng, name, zones)),
        ("date", lambda name: date_column(rng, name, codec)),
        ("boolean", lambda name: boolean_column(rng, name)),
        ("enum", lambda name: _enum_column(rng, name, codec)),
        ("text", lambda name: _text_column(rng, name, form)),
        ("text", lambda name: _text_column(rng, name, form)),
        ("identifier", lambda name: destroyed_column(rng, name)),
    )
    country = rng.choice(["american", "german", "british"])
    columns = [key_column(keys)]
    taken: set[str] = set()
    for number in range(rng.randint(2, 7)):
        kind, make = rng.choice(makers)
        headers = [header for header in HEADERS[kind] if header not in taken]
        if not headers:
            continue
        header = rng.choice(headers)
        taken.add(header)
        column = make(f"c{number}")
        while not _is_of(column, country):
            column = make(f"c{number}")
        draw = column.draw if column.form == "destroyed" else _sound(column.draw)
        columns.append(replace(column, header=header, is_required=rng.random() < 0.5, draw=draw))
    rng.shuffle(columns)
    return tuple(columns)


def _is_of(column: Column, country: str) -> bool:
    """Return whether a column has the forms of the file's country: a file has one decimal sign and one order of dates.

    A column whose contract states a zone of its own is left out: no file tells the zone of its wall times.
    """
    if "defaultTimezone" in column.options:
        return False
    number, time = column.custom.get("numberFormat", {}), str(column.options.get("format", ""))
    separators = (number.get("decimal", "."), number.get("thousands", ""))
    is_german = "," in separators[0] or separators[1] in (".", " ")
    if number and is_german != (country == "german") and set(separators) & {",", ".", " "} != {"."}:
        return False
    return not (time.startswith("MM/") and country != "american") and not (
        time.startswith("dd/") and country == "american"
    )


def _sound(draw: Callable[[Random], Cell]) -> Callable[[Random], Cell]:
    """Return a function that draws only values that follow the contract."""

    def draw_sound(rng: Random) -> Cell:
        while True:
            cell = draw(rng)
            if cell.is_sound:
                return cell

    return draw_sound


def _enum_column(rng: Random, name: str, codec: str) -> Column:
    """Return a column with few different words."""
    allowed = rng.sample(["S", "M", "L", "XL", "red", "blue", *WORDS.get(codec, ())[:2]], rng.randint(2, 5))

    def draw(rng: Random) -> Cell:
        return cell_of(rng.choice(allowed))

    return Column(name, "enum", "enum", "string", "string", draw, arrow_type=pa.string())


def _text_column(rng: Random, name: str, form: FileForm) -> Column:
    """Return a column of words in the languages of the encoding, or of texts with quotes, delimiters and line ends."""
    if form.codec.startswith("utf") and rng.random() < 0.5:
        return free_text_column(rng, name, form.encoding)
    words = [*WORDS["utf-8" if form.codec.startswith("utf") else form.codec], *PLAIN_WORDS]

    def draw(rng: Random) -> Cell:
        return cell_of(" ".join(rng.choice(words) for _ in range(rng.randint(1, 3))))

    return Column(name, "text", "words", "string", "string", draw, arrow_type=pa.string())
