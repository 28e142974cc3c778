"""SQL conditions for similar texts. They test the bit patterns of `standardise.letter_bits` first.

The results equal those of the plain SQL functions. Most candidate pairs differ so much that the bits decide, and the
slow functions are not called.
"""

# Largest share of the remaining distance that an equal prefix removes in Winkler's variant (four letters at 0.1 each;
# Winkler, 1990).
_PREFIX_GAIN = 0.4


def is_within_edits(column: str, edits: int) -> str:
    """Return the SQL condition that the Levenshtein distance is at most `edits`.

    >>> is_within_edits("phone", 1)
    '(bit_count(xor(phone_bits_l, phone_bits_r)) <= 2 and levenshtein(phone_l, phone_r) <= 1)'
    """
    return (
        f"(bit_count(xor({column}_bits_l, {column}_bits_r)) <= {2 * edits} "
        f"and levenshtein({column}_l, {column}_r) <= {edits})"
    )


def is_similar(column: str, least: float) -> str:
    """Return the SQL condition that the Jaro-Winkler similarity is at least `least`.

    With m common letters Jaro's similarity is at most (m/|a| + m/|b| + 1) / 3. m is at most (|a| + |b| - d) / 2, where
    d is the number of bits in which the patterns of a and b differ.
    """
    needed = round(3 * (least - _PREFIX_GAIN) / (1 - _PREFIX_GAIN) - 1 - 1e-6, 6)
    left, right = f"strlen({column}_l)", f"strlen({column}_r)"
    common = f"({left} + {right} - bit_count(xor({column}_bits_l, {column}_bits_r)))"
    return (
        f"({common} * ({left} + {right}) >= {2 * needed} * {left} * {right} "
        f"and jaro_winkler_similarity({column}_l, {column}_r) >= {least})"
    )


def contains_word(tokens: str, word: str) -> str:
    """Return the SQL condition that the token list of one record contains the word of the other record."""
    return " or ".join(
        f"(({word}_token_bits_{own} & {tokens}_bits_{other}) <> 0 and list_contains({tokens}_{other}, {word}_{own}))"
        for own, other in ("lr", "rl")
    )


def has_common_tokens(tokens: str, count: str) -> str:
    """Return the SQL condition that the token lists of both records have at least `count` tokens in common.

    `count` is SQL over the pair. The number of common bits is an upper bound of the number of common tokens. Tokens of
    one list that share a bit are added to this bound.
    """
    shared = f"array_length(list_intersect({tokens}_l, {tokens}_r))"
    extra = ", ".join(f"array_length({tokens}_{side}) - bit_count({tokens}_bits_{side})" for side in "lr")
    bound = f"bit_count({tokens}_bits_l & {tokens}_bits_r) + least({extra})"
    return f"({bound} >= {count} and {shared} >= {count})"
