"""Access: which role may read which columns for which purpose. A policy file, and the plan of one read.

Belongs here: the roles (`role.yaml`), their checks, and what a read may show. Does not belong here: where tables lie,
who permits (`privacy.consent`), and the log of what was read (`privacy.audit`).
"""
