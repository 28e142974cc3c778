"""Identity resolution: finds which records belong to one person and gives each person a lasting customer id.

Here are the steps of record linkage: standardise, block, compare, score and cluster. Here are also the assignment of
customer ids and the decisions of stewards. Builds of tables are in `pipelines.unify`, commands in `pipelines.cli`.
"""
