"""SDV's synthesizers behind the protocol of `privacy.synthetic.synthesizer`. They need the extra `sdv`.

They state no formal guarantee: what they learn from a person is not bounded. SDV is under the Business Source License
1.1. Its models can be saved only by pickle, so they are not saved: rows are drawn in the process that fitted them.
Belongs here: the translation of a specification, and of rows in both directions. Does not belong here: private models.
"""
