"""Relations of two given names (same, variant, typo, similar, different, unknown), as the guards read them."""

from enum import StrEnum


class NameRelation(StrEnum):
    """How two given names are related.

    Attributes:
        SAME: the names are equal.
        VARIANT: one person may use both: a short or foreign form, a transliteration, another part of the name, or an
            initial.
        TYPO: the names are one typing error apart, so nothing in the names tells one person from two.
        SIMILAR: the names sound or look alike, but differ by more than a typing error.
        DIFFERENT: the names are clearly different.
        UNKNOWN: a name is missing, or the names are in scripts that cannot be compared.

    """

    SAME = "same"
    VARIANT = "variant"
    TYPO = "typo"
    SIMILAR = "similar"
    DIFFERENT = "different"
    UNKNOWN = "unknown"
