"""Consent in the pipelines: landed consents enter the consent record, and gold tables are filtered by it.

Belongs here: the intake of landed consents, the assignment of source persons to customers, the filter of gold tables,
the proof that they have only customers who permit their purpose, and the log of their builds. Does not belong here: the
decision itself (`privacy.consent`), and Dagster.
"""
