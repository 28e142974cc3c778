"""Errors of the console. Messages name pages and roles, never a person."""

from agent_serving.errors import ServingError


class PageRefused(ServingError):
    """The role may not open the page."""


class UnknownCustomer(ServingError):
    """There is no customer with this identifier, as the role sees identifiers."""


class UnknownEntry(ServingError):
    """There is no segment, audience or destination of this name."""


class DecisionRefused(ServingError):
    """A steward's decision cannot be recorded; the message says why, in words for the steward."""
