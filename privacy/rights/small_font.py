"""Makes a small font with the letters that certificates use, because one with all Korean letters is slow to read."""

from __future__ import annotations

import string
from hashlib import sha256
from pathlib import Path

from privacy.storage.atomic_file import public_draft


def small_font(path: Path, face: int, text: str, folder: Path) -> tuple[Path, int]:
    """Return a font file with the letters of the text, and the number of the face in it.

    The file is kept in `folder` under a name that its letters determine; an existing one is used again.

    Args:
        path: the whole font.
        face: number of the face in it.
        text: what is to be written.
        folder: keeps small fonts.
    """
    letters = "".join(sorted({*text, *string.printable} - {"\n"}))
    small = folder / f"{sha256(f'{path.name} {face} {letters}'.encode()).hexdigest()[:16]}.otf"
    if not small.exists():
        from fontTools import subset

        options = subset.Options(
            layout_features=[],
            name_IDs=["*"],
            notdef_outline=True,
            font_number=face,
            desubroutinize=True,
            hinting=False,
        )
        font = subset.load_font(str(path), options)
        cut = subset.Subsetter(options)
        cut.populate(text=letters)
        cut.subset(font)
        with public_draft(small) as draft:
            subset.save_font(font, str(draft), options)
        font.close()
    return small, 0
