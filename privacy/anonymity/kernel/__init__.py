"""The compiled inner loops of local recoding: neighbours, classes, growth and refinement.

Arrays of codes in, arrays of class numbers out. Labels, DataFrames and files do not belong here, nor imports of other
modules of `privacy.anonymity`. Every function is sequential and takes its random numbers from a seed, so equal input
gives equal bytes. Functions release Python's lock, so `privacy.anonymity.search.region` can run them in threads on
states that share nothing they write.
"""
