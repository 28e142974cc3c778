"""Sends changes of profiles to other programs: a webhook or a topic of Kafka.

Belongs here: which change is an event, its signature, and the channels. Who permits a purpose is `privacy.consent`;
what a role may read is `privacy.access`.
"""
