"""The online store: the latest feature values of each customer, for reads within microseconds.

Belongs here: the protocol of a store, its embedded form (LMDB), its form for a fleet (Redis or Valkey), the bytes of a
row, and Feast's plug-in over the protocol. Does not belong here: consent, which `features.retrieval` decides, and the
computation of features. Rows are keyed by customer id, and nothing here reads an identifier of a person.
"""
