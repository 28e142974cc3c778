"""Tokens and, later, encryption of direct identifiers. Knows no tables."""
