"""Consent: records of what a person agreed to, and the one decision whether a purpose may be served.

Belongs here: the record, its store, the purposes, the law as rules in YAML, and the decision in its two forms
(`frame.permitted` for DataFrames, `index.DecisionIndex` for single look-ups). Does not belong here: where tables
lie, who asks (roles), and what is done with the answer.

`frame` is the only module that imports Spark; the agent's service never imports it.
"""
