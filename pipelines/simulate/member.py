"""Draws the registrations in the loyalty programme: one per member, and a second for some of them."""

import numpy as np
import pandas as pd

from pipelines.simulate.random_stream import Texts, between, chance
from pipelines.simulate.text import label

_REPEAT_SHARE = 0.035
_SOUNDS_ALIKE = {
    "영": "연",
    "현": "헌",
    "재": "제",
    "수": "순",
    "진": "신",
    "은": "언",
    "훈": "후",
    "정": "전",
    "민": "만",
    "경": "겅",
    "지": "시",
    "준": "중",
}


def draw_members(people: pd.DataFrame, replica: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return one row per registration in order of joining: person, is_repeat, joined_on, member_no."""
    first = np.flatnonzero(people["is_member"].to_numpy())
    again = first[chance(rng, _REPEAT_SHARE, len(first))]
    later = between(rng, np.datetime64("2016-06-01"), 400 * 86_400, len(again)).astype("datetime64[D]")
    joined = people["joined_on"].to_numpy().astype("datetime64[D]")
    members = pd.DataFrame(
        {
            "person": np.concatenate([first, again]),
            "is_repeat": np.repeat([False, True], [len(first), len(again)]),
            "joined_on": np.concatenate([joined[first], np.maximum(later, joined[again] + np.timedelta64(30, "D"))]),
        }
    )
    members = members.sort_values(["joined_on", "person", "is_repeat"], kind="stable", ignore_index=True)
    members["member_no"] = label(f"M{replica:03d}", np.arange(len(members)) + 1, 6)
    return members


def misspell(rng: np.random.Generator, names: Texts) -> Texts:
    """Return each name with one typing error.

    The error is a similar syllable, an added space, two swapped letters or a missing letter.
    """
    drawn = rng.random(len(names))
    return np.array([_slip(name, u) for name, u in zip(names, drawn.tolist(), strict=True)], dtype=object)


def _slip(name: str, drawn: float) -> str:
    for sound, alike in _SOUNDS_ALIKE.items():
        if sound in name[1:] and not name.isascii():
            return name[0] + name[1:].replace(sound, alike, 1)
    if not name.isascii():
        return name[0] + " " + name[1:]
    place = 1 + int(drawn * (len(name) - 3))
    if drawn < 0.6:
        return name[:place] + name[place + 1] + name[place] + name[place + 2 :]
    return name[:place] + name[place + 1 :]
