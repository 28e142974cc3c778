"""Finds the rows of a person in Delta tables and files, and erases them so that no file, version or log holds them.

Belongs here: the look-up of a person's identifiers, the rule which rows are the person's, the rewrite of tables and
landed files, the fields that the law keeps, and the `SubjectStore`s of tables, landing zone, truth and backups. Does
not belong here: requests, deadlines and certificates (`privacy.rights`, `pipelines.rights`), and the Spark engine.
"""
