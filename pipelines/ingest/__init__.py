"""Loads landed files into bronze tables by their contracts, each file exactly once.

Belongs here: reading files, checking rows against the contract, quarantine, encryption of identifying columns,
and the commit to the bronze table. Business rules belong in silver and gold, not here.
"""
