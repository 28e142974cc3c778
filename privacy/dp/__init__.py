"""Differentially private statistics: bounded aggregates, noise by OpenDP, and a budget that cannot be exceeded.

Belongs here: contribution bounds, sensitivities, mechanisms, accounting, the ledger, the parser of questions.
Does not belong here: where tables are stored, Dagster, the command line. The ledger uses neither Spark nor pandas.
"""
