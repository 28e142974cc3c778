"""Reads tables on Spark for a role and a purpose; the rules are in `privacy.access`."""
