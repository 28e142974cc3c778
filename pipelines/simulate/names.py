"""Draws names of people by sex and year of birth: Korean names with their Latin spellings, and English names."""

import numpy as np
import pandas as pd

from pipelines.simulate.random_stream import Bools, Ints, Texts, pick
from pipelines.simulate.text import load_table


def draw_surnames(rng: np.random.Generator, is_korean: Bools) -> tuple[Texts, Texts]:
    """Return a surname and its Latin spelling for each person; the two are equal for English surnames."""
    korean, english = load_table("korean_surname"), load_table("english_surname")
    a = pick(rng, korean["weight"].to_numpy(float), len(is_korean))
    b = pick(rng, english["weight"].to_numpy(float), len(is_korean))
    latin = _spelling(rng, korean["latin"].to_numpy(object)[a])
    own = english["name"].to_numpy(object)[b]
    return np.where(is_korean, korean["hangul"].to_numpy(object)[a], own), np.where(is_korean, latin, own)


def draw_given(rng: np.random.Generator, is_korean: Bools, sex: Texts, born: Ints) -> tuple[Texts, Texts]:
    """Return a given name and its Latin spelling for each person, by their frequency in the year of birth (`born`)."""
    korean, english = load_table("korean_given"), load_table("english_given")
    a = _fashionable(rng, korean, sex, born)
    b = _fashionable(rng, english, sex, born)
    latin = _spelling(rng, korean["latin"].to_numpy(object)[a])
    own = english["name"].to_numpy(object)[b]
    return np.where(is_korean, korean["hangul"].to_numpy(object)[a], own), np.where(is_korean, latin, own)


def full_name(is_korean: Bools, surname: Texts, given: Texts) -> Texts:
    """Return full names in the usual order: 김민수, Mary Smith."""
    return np.asarray(np.where(is_korean, surname + given, given + " " + surname), dtype=object)


def _fashionable(rng: np.random.Generator, names: pd.DataFrame, sex: Texts, born: Ints) -> Ints:
    """Draw a row of `names` for each person, from those for their sex and year of birth, by weight."""
    fits = (names["sex"].to_numpy() == sex[:, None]) & (names["born_from"].to_numpy() <= born[:, None])
    fits &= born[:, None] <= names["born_to"].to_numpy()
    edges = np.cumsum(fits * names["weight"].to_numpy(float), axis=1)
    drawn = rng.random(len(sex)) * edges[:, -1]
    return np.asarray((edges > drawn[:, None]).argmax(axis=1))


def _spelling(rng: np.random.Generator, variants: Texts) -> Texts:
    """Draw one of the spellings listed as `a|b|c` for each name; earlier ones are more likely."""
    drawn = rng.random(len(variants)) ** 2
    split = [text.split("|") for text in variants]
    return np.array([s[int(u * len(s))] for s, u in zip(split, drawn, strict=True)], dtype=object)
