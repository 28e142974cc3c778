"""Reads tables as Arrow for a role and a purpose, in milliseconds and without an engine. Rules: `privacy.access`."""
