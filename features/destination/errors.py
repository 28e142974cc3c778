"""Errors of the destinations of change events. Messages name no person and no address, which may hold a token."""

from features.errors import FeatureError


class DestinationError(FeatureError):
    """Changes cannot be sent to a destination: its settings are wrong, or too many profiles are gone."""


class DestinationBusy(DestinationError):
    """Another process sends to the destination."""


class ChannelDown(DestinationError):
    """A destination takes no events now. Those that were not taken are sent by the next call."""
