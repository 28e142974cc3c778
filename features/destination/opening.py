"""Opens the channel of a destination."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from features.destination.channel import Channel
from features.destination.errors import DestinationError
from installation.destination_settings import DestinationSettings
from installation.settings import Settings


@contextmanager
def open_channel(
    settings: Settings, destination: DestinationSettings, clock: Callable[[], datetime.datetime]
) -> Iterator[Channel]:
    """Open the channel of a destination for the block.

    Raises:
        SettingsError: a secret cannot be read.
        DestinationError: a package or an entry of `source_credentials` is missing.
    """
    if destination.webhook is not None:
        import httpx

        from features.destination.webhook import SECONDS, Webhook

        secret = destination.webhook.read_secret()
        with httpx.Client(timeout=SECONDS, follow_redirects=False) as client:
            yield Webhook(destination, secret, clock, client)
        return
    try:
        from features.destination.topic import open_topic
    except ImportError as error:
        raise DestinationError(f"The package {error.name} is not installed; install bojagi[kafka].") from error
    yield open_topic(settings, destination, clock)
