"""Consent in the pipelines: what landed goes into the one consent record, and what is built passes it.

Belongs here: taking in the landed consents and who belongs to whom, the view of the record that a run rests on, the
filter of what gold tables read and hold, and the proof that they hold nobody else. The decision itself is
`privacy.consent`'s. No Dagster.
"""
