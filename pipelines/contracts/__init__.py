"""Checks data contracts, drafts them from a file, and renders their data map and vocabulary.

Reading a contract belongs to `privacy/contract`.
"""
