"""Differential privacy: bounded statistics, noise by OpenDP, and a budget that cannot be overspent.

Belongs here: contribution bounds, sensitivities, mechanisms, accounting, the ledger, the parser of questions.
Does not belong here: where tables live, Dagster, the command line. Neither Spark nor pandas in the ledger.
"""
