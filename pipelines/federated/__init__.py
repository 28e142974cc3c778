"""Federated training at an installation: sites over its features, its ledger, runs, their files and their evaluation.

Belongs here: what a site of the bundle `federated/` reads through (`FeatureSite`), the adapter that a node's
configuration names, the run of a declared model (`kind: model` in `pipelines/release/declared/`), the stored model and
what a request of a data subject does with it. Does not belong here: tasks, messages, masks and noise (`federated/`),
training sets (`features.repo`), and Dagster.
"""
