"""Backups of an installation: encrypted copies of tables, stores and secrets, and their restore.

Belongs here: the two places with their sealed chunks, what is copied in which order, the restore, and the checks of a
restored copy. Does not belong here: erasing returned persons from tables (`pipelines.erasure`), schedules, commands.
"""
