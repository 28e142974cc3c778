"""The HTTP application: one factory (`application.create_app`) and one router a capability.

Routes are thin: they read a request, call a service of `features`, `installation` or `privacy`, and write its answer.
Nothing here imports Spark, Dagster or Great Expectations.
"""
