"""The Feast repository of an installation, generated from the contracts, and what moves values into the online store.

Belongs here: Feast's objects made from the catalog, its offline store over Delta tables, training sets, materialisation
and pushes. Does not belong here: the computation of features (`features.transform`), the files of the online store
(`features.store`), and reads for services and persons (`features.retrieval`): Feast's own API knows no consent.
"""
