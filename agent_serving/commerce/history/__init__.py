"""The history of transactions: a hash chain and a Merkle tree over keyed commitments, without a blockchain.

Belongs here: appending to the history, verifying it, and proofs that an entry is in it.
"""
