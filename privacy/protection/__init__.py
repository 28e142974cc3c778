"""Matching keys (tokens), encryption of direct identifiers, and the keys for both.

Belongs here: tokens (`token.py`); encryption of columns (`field.py`) with a data key per source person (`key_store.py`,
`source_person.py`), wrapped by a key-encryption key (`key_wrapper.py`, `pkcs11_wrapper.py`); decryption for a purpose
(`revealer.py`); the search for identifiers in the clear (`scan`). Does not belong here: where tables are stored.
"""
