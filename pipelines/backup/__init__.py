"""What follows a restore: erased persons leave the restored tables, and every part is checked.

Belongs here: the restore as operators run it, and the scheduled restore that verifies a backup. Does not belong here:
how backups are written and read (`installation.backup`), commands and schedules.
"""
