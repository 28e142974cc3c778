"""Street addresses in the road-name form, the older lot-number form and in English."""

import numpy as np
import pandas as pd

from pipelines.simulate.streams import Bools, Ints, Texts, chance

_SHORT = {"특별자치도": "", "특별자치시": "시", "특별시": "시", "광역시": "시"}


def draw_homes(regions: pd.DataFrame, dong: Ints, is_korean: Bools, rng: np.random.Generator) -> pd.DataFrame:
    """Return for each dong given one home: address (as its people first wrote it) and variant (another spelling)."""
    size, place = len(dong), regions.iloc[dong]
    number, lot = rng.integers(1, 300, size), rng.integers(1, 900, size)
    block, flat = rng.integers(101, 130, size), rng.integers(1, 25, size) * 100 + rng.integers(1, 5, size)
    has_flat, is_road, alley = chance(rng, 0.7, size), chance(rng, 0.75, size), rng.integers(1, 60, size)
    rows = zip(place["sido"], place["sigungu"], place["dong"], place["sigungu_latin"], place["sido_latin"],
               number.tolist(), lot.tolist(), block.tolist(), flat.tolist(), has_flat, is_road, alley.tolist(),
               is_korean, strict=True)  # fmt: skip
    written = [_write(*row) for row in rows]
    return pd.DataFrame(written, columns=["address", "variant"])


def _write(sido: str, sigungu: str, dong: str, sigungu_latin: str, sido_latin: str, number: int, lot: int,
           block: int, flat: int, has_flat: bool, is_road: bool, alley: int, is_korean: bool) -> tuple[str, str]:  # fmt: skip
    if not is_korean:
        road = sigungu_latin.rsplit("-", 1)[0] + "-daero"
        home = f"{block}-{flat}, " if has_flat else ""
        english = f"{home}{number} {road} {alley}-gil, {sigungu_latin}, {sido_latin}"
        return english, english.replace("-gil", "gil").replace(", ", " ")
    village = dong.rstrip("동읍면").rstrip("0123456789")
    home = f" {block}동 {flat}호" if has_flat else ""
    road = f"{sido} {sigungu} {village}로{alley}길 {number}{',' if home else ''}{home} ({dong})"
    plot = f"{sido} {sigungu} {dong} {lot}-{alley}{home}"
    first, second = (road, plot) if is_road else (plot, road)
    return first, shorten(second if alley % 2 else first)


def shorten(address: str) -> str:
    """Abbreviate the province as people do: 서울특별시 becomes 서울시."""
    for long, short in _SHORT.items():
        if long in address:
            return address.replace(long, short, 1)
    return address


def current_home(moved_on: np.ndarray, at: np.ndarray) -> Bools:
    """Say whether the household had moved by each instant; those that never moved never have."""
    return np.asarray(~np.isnat(moved_on) & (at.astype("datetime64[s]") >= moved_on.astype("datetime64[s]")))


def at_home(homes: pd.DataFrame, new_homes: pd.DataFrame, has_moved: Bools, column: str) -> Texts:
    """Return `column` of the home in which each household lived."""
    return np.where(has_moved, new_homes[column].to_numpy(object), homes[column].to_numpy(object))
