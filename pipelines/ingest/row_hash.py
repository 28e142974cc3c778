"""Computes a 128-bit hash of a row's content that is the same on every machine and in every run.

h(row) = finish( Σ over non-null columns c of H(name of c, value) ), in two halves of 64 bits, with additions
modulo 2^64. The code calls the halves low and high, or first and second lane.

* Nulls add nothing, and the order of columns does not matter. So a column that is added to the contract later, and is
  null in old files, does not change the hashes of old rows.
* H reads the value as little-endian 64-bit words and mixes each word into a state that is seeded with the column's
  name. Text: its UTF-8 bytes, then their number. Decimal: the two words of its smallest unit. Date: days since 1970.
  Time: microseconds since 1970. Floating point: IEEE bits, with a single zero and a single NaN.
* The mixing function `_mix` is a bijection like that of SplitMix64 (Steele, Lea, Flood 2014). The second lane mixes
  the first once more, so the sums of the two lanes differ.
* The chance that any two of n different rows get the same hash by accident is about n² / 2^129. The hash does not
  protect against deliberate collisions, and it is not a pseudonym.
"""

import hashlib

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.ingest.nested_text import nested_to_json

Words = npt.NDArray[np.uint64]
# Odd constants of SplitMix64 and of Stafford's mixers.
GAMMA, FIRST, SECOND, THIRD = (
    np.uint64(constant) for constant in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0xD6E8FEB86659FD93)
)
_INVERSE_FIRST, _INVERSE_SECOND = (np.uint64(pow(int(constant), -1, 1 << 64)) for constant in (FIRST, SECOND))
# Longer texts are rare and are hashed by BLAKE2b, because the loop below takes one step for each eight bytes.
LONG_TEXT_BYTES = 256
# Small enough to fit the processor's cache, which makes the arithmetic several times faster.
CHUNK_ROWS = 1 << 15


def hash_rows(columns: dict[str, pa.Array], rows: int) -> tuple[Words, Words]:
    """Return the low and the high half of each row's hash, as arrays of length `rows`.

    `columns` maps column names to Arrow arrays of that length; nulls do not change the hash.
    """
    low = np.zeros(rows, np.uint64)
    high = np.zeros(rows, np.uint64)
    for name, values in columns.items():
        _add_column(values, _seed(name), low, high)
    for start in range(0, rows, CHUNK_ROWS):
        part = slice(start, start + CHUNK_ROWS)
        low[part] = _mix(low[part] + GAMMA)
        high[part] = _mix(high[part] ^ GAMMA)
    return low, high


def exchange_columns(
    low: Words, high: Words, removed: dict[str, pa.Array], added: dict[str, pa.Array]
) -> tuple[Words, Words]:
    """Return the hashes that the rows have with other columns; columns in neither mapping need not be known.

    `removed` maps the names that leave the hash to their values, `added` those that enter it.

    >>> one, two = {"a": pa.array([1])}, {"b": pa.array(["x"])}
    >>> exchange_columns(*hash_rows(one, 1), one, two) == hash_rows(two, 1)
    True
    """
    sums = _unmix(low) - GAMMA, _unmix(high) ^ GAMMA
    for columns, is_added in ((removed, False), (added, True)):
        share = np.zeros(len(low), np.uint64), np.zeros(len(low), np.uint64)
        for name, values in columns.items():
            _add_column(values, _seed(name), *share)
        for total, part in zip(sums, share, strict=True):
            np.add(total, part, out=total) if is_added else np.subtract(total, part, out=total)
    return _mix(sums[0] + GAMMA), _mix(sums[1] ^ GAMMA)


def _seed(name: str) -> np.uint64:
    return np.uint64(int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little"))


def _unmix(state: Words) -> Words:
    """Return the words of which `_mix` made these."""
    state = _unshift(state, 31) * _INVERSE_SECOND
    state = _unshift(state, 27) * _INVERSE_FIRST
    return _unshift(state, 30)


def _unshift(state: Words, bits: int) -> Words:
    """Return x, given x ^ (x >> bits)."""
    found = state
    for _ in range(64 // bits):
        found = state ^ (found >> np.uint64(bits))
    return found


def _add_column(values: pa.Array, seed: np.uint64, low: Words, high: Words) -> None:
    if pa.types.is_dictionary(values.type):
        first = _hash_values(values.dictionary, seed)
        # The last entry stands for null.
        table = np.append(first, np.uint64(0))
        indices = values.indices.fill_null(len(first)) if values.indices.null_count else values.indices
        positions = indices.to_numpy(zero_copy_only=False)
        second = np.append(_second_lane(first), np.uint64(0))
        low += table[positions]
        high += second[positions]
        return
    absent = None
    if values.null_count:
        absent = values.is_null().to_numpy(zero_copy_only=False)
    words = _words(values)
    for start in range(0, len(values), CHUNK_ROWS):
        part = slice(start, start + CHUNK_ROWS)
        first = _absorb([word[part] for word in words], seed) if words else _hash_texts(values[part], seed)
        second = _second_lane(first)
        if absent is not None:
            first[absent[part]] = 0
            second[absent[part]] = 0
        low[part] += first
        high[part] += second


def _hash_values(values: pa.Array, seed: np.uint64) -> Words:
    words = _words(values)
    first = _absorb(words, seed) if words else _hash_texts(values, seed)
    if values.null_count:
        first[values.is_null().to_numpy(zero_copy_only=False)] = 0
    return first


def _mix(state: Words) -> Words:
    state = state ^ (state >> np.uint64(30))
    state *= FIRST
    state ^= state >> np.uint64(27)
    state *= SECOND
    state ^= state >> np.uint64(31)
    return state


def _second_lane(first: Words) -> Words:
    second = first ^ (first >> np.uint64(29))
    second *= THIRD
    second ^= second >> np.uint64(32)
    return second


def _absorb(words: list[Words], seed: np.uint64) -> Words:
    state = _mix(words[0] ^ seed)
    for word in words[1:]:
        state = _mix((state + GAMMA) ^ word)
    return state


def _words(values: pa.Array) -> list[Words]:
    """Return the 64-bit words of values of fixed width; an empty list for text."""
    kind = values.type
    if pa.types.is_decimal(kind):
        raw = np.frombuffer(values.buffers()[1], np.uint64)[2 * values.offset : 2 * (values.offset + len(values))]
        return [np.ascontiguousarray(raw[0::2]), np.ascontiguousarray(raw[1::2])]
    if pa.types.is_boolean(kind):
        return [_fixed(values.cast(pa.int8()))]
    if pa.types.is_floating(kind):
        numbers = values.cast(pa.float64()).fill_null(0.0).to_numpy(zero_copy_only=False) + 0.0
        return [np.where(np.isnan(numbers), np.nan, numbers).view(np.uint64)]
    if pa.types.is_date(kind):
        return [_fixed(values.cast(pa.int32()))]
    if pa.types.is_integer(kind) or pa.types.is_timestamp(kind):
        return [_fixed(values.cast(pa.int64()))]
    return []


def _fixed(values: pa.Array) -> Words:
    numbers: npt.NDArray[np.int64] = values.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    return numbers.view(np.uint64)


def _hash_texts(values: pa.Array, seed: np.uint64) -> Words:
    """Return the hash of each text: its UTF-8 bytes are mixed in, eight at a time, then its length in bytes."""
    if pa.types.is_nested(values.type):
        texts = nested_to_json(values)
    else:
        texts = values if pa.types.is_string(values.type) else values.cast(pa.string())
    offsets = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
    starts, lengths = offsets[:-1], np.diff(offsets)
    data = texts.buffers()[2]
    content = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
    first_byte, last_byte = (int(offsets[0]), int(offsets[-1])) if len(texts) else (0, 0)
    padded = np.concatenate([content[first_byte:last_byte], np.zeros(8, np.uint8)])
    # The eight bytes that start at each position; neighbouring windows overlap.
    windows = np.ndarray((len(padded) - 7,), "<u8", padded.data, strides=(1,))
    state = np.full(len(texts), _mix(np.array([seed]))[0], np.uint64)
    short = np.where(lengths > LONG_TEXT_BYTES, 0, lengths)
    active = np.flatnonzero(short > 0)
    done = 0
    while len(active):
        remaining = short[active] - done
        words = windows[starts[active] - first_byte + done].astype(np.uint64)
        partial = remaining < 8
        words[partial] &= (np.uint64(1) << (np.uint64(8) * remaining[partial].astype(np.uint64))) - np.uint64(1)
        state[active] = _mix((state[active] + GAMMA) ^ words)
        done += 8
        active = active[remaining > 8]
    for position in np.flatnonzero(lengths > LONG_TEXT_BYTES):
        begin = int(starts[position]) - first_byte
        piece = padded[begin : begin + int(lengths[position])].tobytes()
        summary = np.frombuffer(hashlib.blake2b(piece, digest_size=8).digest(), "<u8")
        state[position] = _mix((state[position : position + 1] + GAMMA) ^ summary)[0]
    return _mix(state ^ lengths.astype(np.uint64))
