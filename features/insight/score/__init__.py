"""Scores of customers: which models are fitted and kept, the rows of gold/customer_score, and their explanation.

Belongs here: the use of models (`features.insight.model`) on the tables of an installation. Does not belong here:
Spark, Dagster, commands, and the filter by consent, which `pipelines` applies before these functions see a row.
"""
