"""The door of the HTTP collector: events in Segment's form are checked, decided on by consent, and written durably.

Belongs here: write keys, reading requests, the policy's place, and what browser SDKs ask for. Rules of consent lie in
`privacy.consent.signal`, the log in `installation.collector`, the loading in `pipelines.collection`.
"""
