"""Draws the form of a file: its format, encoding, dialect and compression."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from bench.generated_file.time_form import ZONES, Zones

# Name in the contract, Python's codec that writes it, weight.
ENCODINGS = (
    ("UTF-8", "utf-8", 10),
    ("UTF-8-BOM", "utf-8-sig", 3),
    ("UTF-8", "utf-8-sig", 1),
    ("UTF-16", "utf-16", 2),
    ("CP949", "cp949", 4),
    ("ISO-8859-1", "iso-8859-1", 2),
    ("CP1252", "cp1252", 1),
    ("SHIFT_JIS", "shift_jis", 1),
    ("GB18030", "gb18030", 1),
    ("CP1251", "cp1251", 1),
    ("EUC-KR", "euc_kr", 1),
    ("EUC-JP", "euc_jp", 1),
    ("ISO-8859-2", "iso-8859-2", 1),
    ("UTF-16-LE", "utf-16-le", 1),
)
NULLS = ((), (), (), ("NULL",), ("\\N",), ("-", "N/A"), ("nan", "NaT", "None"))
DRIFTS = (None, None, None, "warn", "accept", "refuse")
COMPRESSIONS = ("", "", "", "", "", "gz", "bz2", "zst", "zip")


@dataclass(frozen=True)
class FileForm:
    """The form of a text file, and the facts that the contract states about it.

    Attributes:
        codec: Python's codec that writes the file.
        titles: lines above the header.
        footers: lines below the rows.
        compression: suffix of the compression; empty for none.
        members: number of files in a zip archive.
        drift: the contract's `schemaDrift`; None leaves it out.
    """

    format: str
    encoding: str = "UTF-8"
    codec: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    line_end: str = "\n"
    titles: tuple[str, ...] = ()
    footers: tuple[str, ...] = ()
    nulls: tuple[str, ...] = ()
    compression: str = ""
    members: int = 1
    zones: Zones = field(default_factory=Zones)
    drift: str | None = None
    quotes_all: bool = False

    @property
    def server(self) -> dict[str, Any]:
        """Bojagi's properties of the contract's server that differ from their defaults."""
        stated: dict[str, Any] = {}
        if self.format == "csv":
            stated["delimiter"] = self.delimiter
            if self.quote != '"':
                stated["quote"] = self.quote
        if self.nulls:
            stated["nullValues"] = ["", *self.nulls]
        if self.titles:
            stated["headerRow"] = len(self.titles) + 1
        if self.footers:
            stated["footerRows"] = len(self.footers)
        if self.zones.file:
            stated["timeZone"] = self.zones.file
        if self.zones.shop:
            stated["shopTimeZone"] = self.zones.shop
        if self.drift:
            stated["schemaDrift"] = self.drift
        return stated

    @property
    def suffix(self) -> str:
        """Ending of the file's name."""
        return f".{self.format}" + (f".{self.compression}" if self.compression else "")


def draw_zones(rng: Random) -> Zones:
    """Return the zones that a contract states; often none."""
    file = rng.choice([None, None, *ZONES])
    shop = rng.choice([None, None, "Asia/Seoul", "America/New_York", "Europe/Berlin"])
    return Zones(file, shop)


def draw_csv_form(rng: Random, *, is_plain: bool = False) -> FileForm:
    """Return the form of a CSV file."""
    encoding, codec, _ = rng.choices(ENCODINGS, [weight for *_, weight in ENCODINGS])[0]
    delimiter = rng.choice(",,,;;\t\t|")
    titles: tuple[str, ...] = ()
    footers: tuple[str, ...] = ()
    if not is_plain and rng.random() < 0.2:
        titles = ("Sales export", "Generated 2017-06-30", delimiter * 3, "")[: rng.randint(1, 4)]
    if not is_plain and rng.random() < 0.15:
        footers = (f"Total{delimiter * 2}1500", "End of report")[: rng.randint(1, 2)]
    compression = "" if is_plain else rng.choice(COMPRESSIONS)
    return FileForm(
        "csv", encoding, codec, delimiter, rng.choice("\"\"\"\"'"), rng.choice(["\n", "\n", "\r\n", "\r\n", "\r"]),
        titles, footers, rng.choice(NULLS), compression,
        rng.randint(1, 3) if compression == "zip" else 1, draw_zones(rng), rng.choice(DRIFTS),
        rng.random() < 0.15,
    )  # fmt: skip


def draw_json_form(rng: Random, form: str) -> FileForm:
    """Return the form of a file of JSON lines, or of a JSON array."""
    encoding, codec, _ = rng.choice(ENCODINGS[:3])
    compression = rng.choice(COMPRESSIONS)
    return FileForm(
        form, encoding, codec, line_end=rng.choice(["\n", "\n", "\r\n"]), compression=compression,
        members=rng.randint(1, 3) if compression == "zip" else 1, zones=draw_zones(rng),
        drift=rng.choice(DRIFTS),
    )  # fmt: skip
