"""The compiled inner loops of local recoding: neighbours, classes, growth and refinement.

Arrays of codes in, arrays of class numbers out. No labels, no DataFrames and no files belong here. Everything is
sequential and takes its randomness as a seed, so equal input gives equal bytes.
"""
