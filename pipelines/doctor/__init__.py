"""Examines an installation for `bojagi doctor`: packages, machine, secrets, stores, endpoints and engines.

An examination reads and tries; it creates and changes nothing. It ends with what was found and, unless all is well,
with the next step. Dagster's part is in `pipelines.orchestration`.
"""
