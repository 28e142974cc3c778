"""Measures consent: the filter of a read, the decision index, and the intake of landed consents."""
