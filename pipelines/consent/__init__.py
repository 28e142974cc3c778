"""Adds landed consents to the consent record, and filters gold tables by consent.

Belongs here:

- the intake of landed consents, and the assignment of source persons to customers
- the filter of gold tables, and the proof that a gold table has only customers who permit its purpose
- the log of the builds of gold tables

Does not belong here: the decision itself (`privacy.consent`), and Dagster.
"""
