"""Words in names of product categories that tell about health, diet, pregnancy, belief, origin, alcohol or tobacco."""

from __future__ import annotations

import re

HEALTH = (
    r"\b(VITAMINS?|DIETARY AID|FITNESS|NUTRITION|HEALTHY|MEDICATIONS?|ANTACIDS|COLD AND FLU|PAIN RELIEF"
    r"|ANALGESICS?)\b"
)
ALCOHOL_TOBACCO = r"\b(BEERS?|ALES?|WINES?|LIQUORS?|SPIRITS|CIGARETTES|CIGARS|TOBACCO)\b"
_OTHERS = (
    r"\b(DIET|DIABETIC|LAXATIVES?|FIRST AID|SMOKING|INCONTINENCE|FEMININE|FAMILY PLANNING|PREGNANCY|PRENATAL|MATERNITY"
    r"|INFANTS?|BABY\w*|DIAPERS?|KOSHER|HALAL|RELIGIOUS|ETHNIC|HOME HEALTH|PHARMACY|SINUS|ALLERGY|EYE AND EAR CARE"
    r"|VISION AIDS|FOOT CARE|CONTRACEPTIVES?)\b"
)
SENSITIVE = "|".join((HEALTH, ALCOHOL_TOBACCO, _OTHERS))
"""Pattern of a sensitive name in capital letters, for `re`, RE2 and the engines."""
_PATTERN = re.compile(SENSITIVE)


def is_sensitive_name(text: str) -> bool:
    """Return whether a name has a word of a sensitive kind.

    >>> is_sensitive_name("Infant formula"), is_sensitive_name("Coffee")
    (True, False)
    """
    return _PATTERN.search(text.upper()) is not None
