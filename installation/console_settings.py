"""Settings of the console: its public address."""

from pydantic import BaseModel, ConfigDict

from installation.portal_settings import PublicUrl


class ConsoleSettings(BaseModel):
    """Where the console is reached. One-time links and the sign-in at a provider begin with `public_url`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    public_url: PublicUrl | None = None
