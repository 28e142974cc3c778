"""Signals of consent that come with an event: how they are read, and what a collector may do with the event.

Belongs here: the formats of the signals (`reading`, `tcf`), the policy that a source's contract states
(`collection_rules`), and the rules of the decision (`decision`). Pure functions; no store, no HTTP. Does not belong
here: the door that applies the rules (`agent_serving.collector`), and records of consent (`privacy.consent.service`).
"""
