"""Fits, samples and judges synthetic data of lakehouse tables and of files, for the commands and for Dagster.

Belongs here: which rows may be learned from, where models lie, the budget that pays for them. Does not belong here:
models, noise, scores and attacks (`privacy.synthetic`), and the published tables (`pipelines.release`).
"""
