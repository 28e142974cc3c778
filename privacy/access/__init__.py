"""Access: which role may read which columns for which purpose.

Belongs here: the roles (`role.yaml`) and their checks, the plan of a read, the reader, and pseudonyms. Does not belong
here: where tables are, whether a customer permits a purpose (`privacy.consent`), the audit log (`privacy.audit`).
"""
