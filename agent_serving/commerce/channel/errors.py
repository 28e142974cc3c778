"""Errors of the choice of a channel."""

from __future__ import annotations

from agent_serving.commerce.errors import CommerceError


class ChannelError(CommerceError):
    """Base of the errors of the choice of a channel."""

    code = "channel_error"


class ChannelInputError(ChannelError):
    """Outlets, coupons or the basket contradict themselves."""

    code = "invalid_channel"


class NoChannel(ChannelError):
    """No choice of outlets sells the whole basket. `reasons` says for each outlet why it alone cannot."""

    code = "no_channel"

    def __init__(self, reasons: dict[str, str]) -> None:
        super().__init__("No outlet, and no choice of outlets, sells the basket: "
                         + "; ".join(f"{name}: {reason}" for name, reason in reasons.items()))  # fmt: skip
        self.reasons = reasons
