"""Retrieval: the only way in which feature values leave the online store, each one only as its customer permits.

Belongs here: the answer and its reasons, the checks of a caller, the use of consent decisions and the entry in the
audit log. Does not belong here: how rows are stored (`features.store`), what features are (`features.definition`), the
rules of consent (`privacy.consent`) and HTTP (`agent_serving`).
"""
