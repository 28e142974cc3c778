"""The names of sensitive product categories are recognised, as a person has judged them, also by the engines."""

from __future__ import annotations

import pytest
from pyspark.sql import functions as F

from features.sensitive_name import is_sensitive_name
from features.transform.sensitive_category import is_sensitive
from pipelines.engine.session import Engine

SENSITIVE = (
    "Adult incontinence", "Analgesics", "Antacids", "Baby food (other)", "BABYFOOD", "Baby foods",
    "Baby health and beauty care", "Beers, ales", "Cigarettes", "Cigars", "Cold and flu", "Diapers and disposables",
    "Dietary aid products", "Domestic wine", "Ethnic personal care", "Eye and ear care products", "Family planning",
    "Feminine hygiene", "First aid products", "Fitness and diet", "Foot care products", "Glasses, vision aids",
    "Home health care", "Imported wine", "Infant care products", "Infant formula", "Laxatives", "Liquor",
    "Miscellaneous wine", "Natural vitamins", "Pharmacy", "Restricted diet", "Sinus and allergy", "Smoking cessations",
    "Tobacco other", "Vitamins",
)  # fmt: skip
"""The sensitive ones among the 303 categories of the Complete Journey. Goods for Christmas and Easter are not."""
OTHERS = ("Coffee", "Air care", "Hair care products", "Pet care supplies", "Easter", "Bread", "Salad bar", "Female", "")


@pytest.mark.parametrize("name", SENSITIVE)
def test_a_sensitive_name_is_recognised(name: str) -> None:
    assert is_sensitive_name(name)


@pytest.mark.parametrize("name", OTHERS)
def test_another_name_is_none(name: str) -> None:
    assert not is_sensitive_name(name)


def test_the_engine_decides_alike(sail: Engine) -> None:
    names = [*SENSITIVE, *OTHERS, None]
    rows = sail.spark.createDataFrame([(n, name) for n, name in enumerate(names)], "n int, name string")
    found = {row["n"]: row["s"] for row in rows.select("n", is_sensitive(F.col("name")).alias("s")).collect()}
    assert [found[n] for n in range(len(names))] == [name is not None and is_sensitive_name(name) for name in names]
