"""Finds a font with Korean letters for PDF files among the fonts of the machine."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from privacy.rights.errors import RightsError

_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "/System/Library/Fonts", "/Library/Fonts", "C:/Windows/Fonts")
_FILES = (
    "NotoSansCJK-Regular.ttc", "NotoSansCJKkr-Regular.otf", "NotoSansKR-Regular.ttf", "NotoSansKR-Regular.otf",
    "NanumGothic.ttf", "AppleSDGothicNeo.ttc", "malgun.ttf",
)  # fmt: skip
_KOREAN_FACE = "KR"


@cache
def korean_font() -> tuple[Path, int]:
    """Return the file of the font, and the number of the Korean face in it.

    Raises:
        RightsError: the machine has no such font.
    """
    for name in _FILES:
        for folder in _FOLDERS:
            found = sorted(Path(folder).rglob(name)) if Path(folder).is_dir() else []
            if found:
                return found[0], _face(found[0])
    raise RightsError(
        "A PDF with Korean letters needs a font, and this machine has none. Install one, such as the package "
        f"fonts-noto-cjk or fonts-nanum. Looked for {', '.join(_FILES)}."
    )


def _face(path: Path) -> int:
    if path.suffix != ".ttc":
        return 0
    from fontTools.ttLib import TTCollection

    with TTCollection(str(path), lazy=True) as collection:
        names = [str(font["name"].getDebugName(4)) for font in collection.fonts]
    return next((number for number, name in enumerate(names) if _KOREAN_FACE in name.split()), 0)
