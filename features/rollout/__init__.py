"""Rollouts: a new version of a model, policy or audience takes over from the old one in stages, or is rolled back.

Belongs here: the definition of a rollout, which version serves a request, counts of calls and errors, the test that
finds a worse version, and the decision to go on, to hold or to roll back. How a version answers does not belong here.
"""
