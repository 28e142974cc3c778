"""Executes requests of data subjects over the stores of all packages, and signs certificates.

Belongs here: the registry of stores, the order of steps, what is certified. Does not belong here: how a store finds or
erases rows (its own package), decisions on requests (`privacy.rights`), and declarations for Dagster.
"""
