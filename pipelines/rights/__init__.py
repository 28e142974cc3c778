"""Executes requests of data subjects over the stores of all packages, and signs certificates.

Belongs here: the order of steps, what is certified, the correction of values, and files that belong to no store. Does
not belong here: how a store finds or erases rows (its own package), decisions on requests (`privacy.rights`), the
registry of stores and declarations for Dagster (`pipelines.orchestration`, `pipelines.defs`).
"""
