"""Recognises product categories that tell about health, diet, pregnancy, belief, alcohol or tobacco.

Profiles without an explicit consent to sensitive data neither count nor name what is bought there.
"""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

HEALTH = (
    r"\b(VITAMINS?|DIETARY AID|FITNESS|NUTRITION|HEALTHY|MEDICATIONS?|ANTACIDS|COLD AND FLU|PAIN RELIEF"
    r"|ANALGESICS?)\b"
)
ALCOHOL_TOBACCO = r"\b(BEERS?|ALES?|WINES?|LIQUORS?|SPIRITS|CIGARETTES|CIGARS|TOBACCO)\b"
_OTHERS = (
    r"\b(DIET|DIABETIC|LAXATIVES?|FIRST AID|SMOKING|INCONTINENCE|FEMININE|FAMILY PLANNING|PREGNANCY|PRENATAL|MATERNITY"
    r"|INFANT|BABY|DIAPERS?|KOSHER|HALAL|RELIGIOUS)\b"
)


def is_sensitive(category: Column) -> Column:
    """Return whether a category's name has a word of a sensitive kind; false for null."""
    pattern = "|".join((HEALTH, ALCOHOL_TOBACCO, _OTHERS))
    return F.coalesce(F.upper(category).rlike(pattern), F.lit(False))
