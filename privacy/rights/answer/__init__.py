"""Answers to requests for access, portability and explanation: as HTML, PDF and a machine-readable archive.

Belongs here: the content of an answer, its wording in Korean and English, its forms. Does not belong here: how stores
find the data (`privacy.rights.subject_store`), and when an answer may be disclosed (`privacy.rights.service`).
"""
