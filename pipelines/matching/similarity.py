"""SQL conditions of likeness that look at the bit patterns of `standardise.letter_bits` first.

The answers are those of the plain functions; the bits only keep the costly ones from pairs that are far apart, which
nearly all candidate pairs are.
"""

# Largest gain that an equal beginning gives in Winkler's variant (four letters at 0.1; Winkler, 1990).
_PREFIX_GAIN = 0.4


def is_within(column: str, edits: int) -> str:
    """Return a condition: Levenshtein distance at most `edits`.

    >>> is_within("phone", 1)
    '(bit_count(xor(phone_bits_l, phone_bits_r)) <= 2 and levenshtein(phone_l, phone_r) <= 1)'
    """
    return (
        f"(bit_count(xor({column}_bits_l, {column}_bits_r)) <= {2 * edits} "
        f"and levenshtein({column}_l, {column}_r) <= {edits})"
    )


def is_alike(column: str, least: float) -> str:
    """Return a condition: Jaro-Winkler similarity of at least `least`.

    Jaro's similarity is at most (m/|a| + m/|b| + 1) / 3 with m letters in common, and m is at most half of what is
    left of |a| + |b| once the letters that differ are taken off.
    """
    needed = round(3 * (least - _PREFIX_GAIN) / (1 - _PREFIX_GAIN) - 1 - 1e-6, 6)
    left, right = f"strlen({column}_l)", f"strlen({column}_r)"
    common = f"({left} + {right} - bit_count(xor({column}_bits_l, {column}_bits_r)))"
    return (
        f"({common} * ({left} + {right}) >= {2 * needed} * {left} * {right} "
        f"and jaro_winkler_similarity({column}_l, {column}_r) >= {least})"
    )


def holds(tokens: str, word: str) -> str:
    """Return a condition: the list of one side holds the word of the other."""
    return " or ".join(
        f"(({word}_token_bits_{own} & {tokens}_bits_{other}) <> 0 and list_contains({tokens}_{other}, {word}_{own}))"
        for own, other in ("lr", "rl")
    )


def shares(tokens: str, count: str) -> str:
    """Return a condition: the lists of both sides have at least `count` tokens in common (SQL over the pair).

    A common bit stands for one token, and for one more for each token that fell on a bit already taken.
    """
    shared = f"array_length(list_intersect({tokens}_l, {tokens}_r))"
    extra = ", ".join(f"array_length({tokens}_{side}) - bit_count({tokens}_bits_{side})" for side in "lr")
    bound = f"bit_count({tokens}_bits_l & {tokens}_bits_r) + least({extra})"
    return f"({bound} >= {count} and {shared} >= {count})"
