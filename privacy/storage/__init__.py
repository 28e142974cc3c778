"""Stores data safely for the privacy engine: files, SQLite, secrets, hash chains, anchors and locks.

Belongs here: mechanisms that several stores share and that do not depend on the content.
Does not belong here: audit entries, budgets, data keys, consent records. Each store keeps its own tables and rules.
POSIX only: locks use `flock`, which Windows does not have.
"""
