"""Data-subject rights on one installation: which rows are a person's, what the stores export, and corrections.

The rules of the law and the protocol of stores are in `privacy.rights`. Everything here runs without Spark.
"""
