"""Experiments: who gets which variant, what each person did, and what the difference proves.

Belongs here: the definition of an experiment, its assignments and outcomes, the statistics and the verdict. How a
variant works does not: a variant names a version of something else, such as a model, a policy or an audience.
"""
