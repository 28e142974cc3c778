"""Names the products that belong to a dish or an occasion, for plans without a model."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files

import yaml

from agent_serving.understanding.vocabulary import compact


@lru_cache(maxsize=1)
def _suggestions() -> Mapping[re.Pattern[str], Sequence[str]]:
    text = (files(__package__) / "suggestion.yaml").read_text(encoding="utf-8")
    return {re.compile(str(words)): products for words, products in yaml.safe_load(text).items()}


def suggested_products(text: str) -> tuple[str, ...]:
    """Return the products for the first dish or occasion that a text names; none if it names none.

    >>> suggested_products("잡채 할 건데 재료 뭐 사야 돼?")
    ('당면', '소고기', '시금치', '표고버섯')
    """
    short = compact(text)
    return next((tuple(products) for words, products in _suggestions().items() if words.search(short)), ())
