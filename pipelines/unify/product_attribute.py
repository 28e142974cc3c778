"""Derives attributes of a product from words in its category and type, such as organic or frozen."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

ATTRIBUTES = {
    "organic": r"\b(ORGANIC|ORGNC)\b",
    "light": r"\b(DIET|LITE|LIGHT|LOW FAT|REDUCED|FAT FREE|SUGAR FREE|LOW CAL)\b",
    "frozen": r"\b(FROZEN|FRZN|ICE CREAM)\b",
    "specialty": r"\b(GOURMET|SPECIALTY|PREMIUM|IMPORTED|SUPER PREMIUM)\b",
}
INTERESTS = {
    "ready_meal": r"(FROZEN PIZZA|DINNER|PREPARED FOOD|CONVENIENT|DELI SPECIALTIES|SANDWICH|HEAT AND SERVE)",
    "baking": r"\b(BAKING|FLOUR|SUGARS?|CAKE MIX|SPICES|EXTRACTS|SHORTENING)\b",
    "sweet_and_snack": r"\b(BAG SNACKS|CANDY|COOKIES|COOKIE|CRACKERS|SNACKS?|ICE CREAM|CHOCOLATE|POPCORN)\b",
    "baby": r"\b(BABY|INFANT|DIAPERS?)\b",
    "pet": r"\b(DOG|CAT|PET)\b.*\b(FOOD|FOODS|LITTER|CARE|SUPPLIES|TREATS)\b",
    "home_and_garden": r"\b(GARDEN|LAWN|PLANTS?|FLOWERS?|FLORAL|CANDLES|HOUSEWARES|KITCHEN GADGETS|HOME)\b",
}
FRESH_DEPARTMENTS = ("Produce", "Meat", "Seafood", "Salad bar")


def has_words(pattern: str) -> Column:
    """Return whether product_category or product_type match the pattern; false when both are null."""
    words = F.concat_ws(" ", F.col("product_category"), F.col("product_type"))
    return F.coalesce(F.upper(words).rlike(pattern), F.lit(False))


def is_fresh() -> Column:
    """Return whether the product's department sells fresh food; false when the department is null."""
    return F.coalesce(F.col("department").isin(*FRESH_DEPARTMENTS), F.lit(False))
