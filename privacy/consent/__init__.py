"""Consent: the record of what persons agreed to, and the decision whether a purpose is permitted for a customer.

Belongs here: the record, its store, the service that adds to it, the purposes, and the law as rules in YAML. Also the
decision in its two forms: `frame.permitted` for DataFrames, `index.DecisionIndex` for single look-ups. Does not belong
here: where tables are, which roles may read (`privacy.access`), and the use of permitted data.

`frame` is the only module that imports Spark. Code that serves requests never imports `frame`.
"""
