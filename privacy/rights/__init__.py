"""Data-subject rights: requests, their deadlines and decisions, the stores that hold a person, and certificates.

Belongs here: the model of a request, the rules of the law, the protocol `SubjectStore`, the service `RightsService`,
the certificate. Does not belong here: where tables and files live, and how a store deletes. Each package that owns a
store implements `SubjectStore` for it and offers it by a function `subject_stores(installation)`.
"""
