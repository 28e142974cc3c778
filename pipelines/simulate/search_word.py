"""Draws the search words that people type for a product, in Korean or English, sometimes misspelt."""

import numpy as np
import pandas as pd

from pipelines.simulate.random_stream import Bools, Ints, Texts, chance
from pipelines.simulate.text import load_table
from pipelines.unify.product_label import readable_labels


class SearchWords:
    """Draws search words: those listed for the product's category, or the name of its type if none are listed."""

    def __init__(self, products: pd.DataFrame) -> None:
        known = load_table("query").set_index("product_category")
        self._product = products["product_id"].to_numpy()
        self._order = np.argsort(self._product)
        self._category = known.index.get_indexer(pd.Index(products["product_category"].fillna("")))
        types = products["product_type"].fillna("SNACK")
        self._type = types.map(readable_labels(types.unique())).str.lower().to_numpy(object)
        self._korean = [text.split("|") for text in known["korean"]]
        self._english = [text.split("|") for text in known["english"]]

    def draw(self, rng: np.random.Generator, product: Ints, is_korean: Bools) -> Texts:
        """Draw the search words for each product, in Korean where `is_korean` is true and in English elsewhere."""
        row = self._order[np.searchsorted(self._product, product, sorter=self._order)]
        category, size = self._category[row], len(product)
        words = self._type[row].copy()
        drawn = rng.random(size)
        for number, (korean, english) in enumerate(zip(self._korean, self._english, strict=True)):
            here = np.flatnonzero(category == number)
            for texts, rows in ((korean, here[is_korean[here]]), (english, here[~is_korean[here]])):
                words[rows] = np.array(texts, dtype=object)[(drawn[rows] * len(texts)).astype(int)]
        slips = np.flatnonzero(chance(rng, 0.03, size))
        words[slips] = [text[:1] + text[2:] if len(text) > 2 else text + "ㅇ" for text in words[slips]]
        return words
