"""Measures the shopping agent: understanding, search, grounding, and its behaviour with broken model servers."""
