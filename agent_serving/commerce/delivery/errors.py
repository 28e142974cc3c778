"""Errors of delivery."""

from __future__ import annotations

from agent_serving.commerce.errors import CommerceError


class DeliveryError(CommerceError):
    """Base of the errors of delivery."""

    code = "delivery_error"


class DeliveryInputError(DeliveryError):
    """A day of deliveries contradicts itself: a matrix of another size, a negative time, an id twice."""

    code = "invalid_delivery"


class SlotTimeError(DeliveryError):
    """The wall times of a slot are no span of time: they lie in the hour that a clock change skips, or end first."""

    code = "invalid_slot_time"
