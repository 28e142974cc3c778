"""Tokens and encryption of direct identifiers, and the keys behind them. Knows no tables.

Matching keys are tokens (`token.py`); identifiers are encrypted (`field.py`) under a key for each source person
(`key_store.py`), wrapped by a key-encryption key (`key_wrapper.py`, `pkcs11_wrapper.py`).
"""
