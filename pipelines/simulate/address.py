"""Draws street addresses in the road-name form, the older lot-number form and in English."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipelines.simulate.random_stream import Bools, Ints, Texts, chance

_SHORT = {"특별자치도": "", "특별자치시": "시", "특별시": "시", "광역시": "시"}


@dataclass(frozen=True)
class _Home:
    """The parts of one address, from which its spellings are made."""

    sido: str
    sigungu: str
    dong: str
    sigungu_latin: str
    sido_latin: str
    number: int
    lot: int
    alley: int
    block: int
    flat: int
    has_flat: bool
    is_road: bool

    @property
    def english(self) -> str:
        """The address in Latin letters: 101-1203, 12 Gangnam-daero 5-gil, Gangnam-gu, Seoul."""
        home = f"{self.block}-{self.flat}, " if self.has_flat else ""
        road = self.sigungu_latin.rsplit("-", 1)[0] + "-daero"
        return f"{home}{self.number} {road} {self.alley}-gil, {self.sigungu_latin}, {self.sido_latin}"

    @property
    def forms(self) -> tuple[str, str]:
        """The address in the form that the household prefers, then in the other form (road name, lot number)."""
        village = self.dong.rstrip("동읍면").rstrip("0123456789")
        home = f" {self.block}동 {self.flat}호" if self.has_flat else ""
        comma = "," if home else ""
        road = f"{self.sido} {self.sigungu} {village}로{self.alley}길 {self.number}{comma}{home} ({self.dong})"
        plot = f"{self.sido} {self.sigungu} {self.dong} {self.lot}-{self.alley}{home}"
        return (road, plot) if self.is_road else (plot, road)


def draw_homes(regions: pd.DataFrame, dong: Ints, is_korean: Bools, rng: np.random.Generator) -> pd.DataFrame:
    """Return one home for each entry of `dong`: `address` in the household's spelling, and `variant` in another one."""
    size = len(dong)
    names = regions.iloc[dong][["sido", "sigungu", "dong", "sigungu_latin", "sido_latin"]]
    parts = (
        rng.integers(1, 300, size),
        rng.integers(1, 900, size),
        rng.integers(1, 60, size),
        rng.integers(101, 130, size),
        rng.integers(1, 25, size) * 100 + rng.integers(1, 5, size),
        chance(rng, 0.7, size),
        chance(rng, 0.75, size),
    )
    rows = zip(names.itertuples(index=False), zip(*(part.tolist() for part in parts), strict=True), strict=True)
    written = [_write(_Home(*row, *numbers), korean) for (row, numbers), korean in zip(rows, is_korean, strict=True)]
    return pd.DataFrame(written, columns=["address", "variant"])


def _write(home: _Home, is_korean: bool) -> tuple[str, str]:
    if not is_korean:
        return home.english, home.english.replace("-gil", "gil").replace(", ", " ")
    first, second = home.forms
    return first, shorten(second if home.alley % 2 else first)


def shorten(address: str) -> str:
    """Return the address with an abbreviated province, as people write it: 서울특별시 becomes 서울시."""
    for long, short in _SHORT.items():
        if long in address:
            return address.replace(long, short, 1)
    return address


def current_home(moved_on: np.ndarray, at: np.ndarray) -> Bools:
    """Return whether each household had moved at each time; always false for one that never moved (NaT)."""
    return np.asarray(~np.isnat(moved_on) & (at.astype("datetime64[s]") >= moved_on.astype("datetime64[s]")))


def at_home(homes: pd.DataFrame, new_homes: pd.DataFrame, has_moved: Bools, column: str) -> Texts:
    """Return `column` of each household's new home where `has_moved` is true, and of its old home elsewhere."""
    return np.where(has_moved, new_homes[column].to_numpy(object), homes[column].to_numpy(object))
