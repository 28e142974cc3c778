"""The compiled inner loops of local recoding: neighbours, classes, growth and refinement.

Arrays of codes in, arrays of class numbers out. No labels, no DataFrames and no files belong here. Everything is
sequential and takes its randomness as a seed, so equal input gives equal bytes; it runs without Python's lock, so that
`privacy.anonymity.region` can run it in threads on states that share nothing they write.
"""

from pathlib import Path


def is_compiled() -> bool:
    """Whether an earlier search left its compiled loops beside the package; the first one takes a minute or two."""
    return any((Path(__file__).parent / "__pycache__").glob("*.nbi"))
