"""Recognises product categories that tell about health, diet, pregnancy, belief, origin, alcohol or tobacco.

Profiles without an explicit consent to sensitive data neither count nor name what is bought there.
"""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

from features.sensitive_name import SENSITIVE


def is_sensitive(category: Column) -> Column:
    """Return whether a category's name has a word of a sensitive kind; false for null."""
    return F.coalesce(F.upper(category).rlike(SENSITIVE), F.lit(False))
