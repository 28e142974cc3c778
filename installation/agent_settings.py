"""Settings of the shopping agent: its conversations, and the language models that it may use."""

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from installation.private_text import read_private_text


class ModelSettings(BaseModel):
    """One language model behind an OpenAI-compatible server. Prices are per million tokens, in any currency.

    Attributes:
        is_reasoning: whether its answers begin with reasoning that only `</think>` ends.
        reasoning_tokens: tokens that it may spend on reasoning, beside those of its answer.
        idle_seconds: the longest wait for the next piece of an answer, the first one included.
        most_seconds: the longest time of a whole answer.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(pattern=r"^https?://[^\s?#]+[^\s?#/]$")
    name: str = Field(min_length=1)
    api_key: SecretStr | None = None
    api_key_file: Path | None = None
    context_tokens: int = Field(default=16_384, ge=1024)
    temperature: float = Field(default=0.3, ge=0, le=2)
    is_reasoning: bool = False
    reasoning_tokens: int = Field(default=0, ge=0)
    connect_seconds: float = Field(default=2.0, gt=0)
    idle_seconds: float = Field(default=20.0, gt=0)
    most_seconds: float = Field(default=90.0, gt=0)
    price_prompt: float = Field(default=0.0, ge=0)
    price_cached: float | None = Field(default=None, ge=0)
    price_completion: float = Field(default=0.0, ge=0)

    def cost(self, prompt: int, cached: int, completion: int) -> float:
        """Return the price of one call; `cached` is a part of `prompt`, at the price of the prompt if it has none."""
        price_cached = self.price_prompt if self.price_cached is None else self.price_cached
        paid = (prompt - cached) * self.price_prompt + cached * price_cached + completion * self.price_completion
        return paid / 1_000_000

    def read_api_key(self) -> str | None:
        """Return the key of the server, from its private file if one is named; None without one.

        Raises:
            SettingsError: the file cannot be read, or other users may read it.
        """
        if self.api_key_file is not None:
            return read_private_text(self.api_key_file, "api_key_file")
        return None if self.api_key is None else self.api_key.get_secret_value()


LlmTask = Literal["plan", "short_answer", "analysis", "hard", "extract"]


class LlmSettings(BaseModel):
    """The language models of the shopping agent by name, and which of them each task tries."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    models: dict[str, ModelSettings] = Field(default_factory=dict)
    tiers: dict[LlmTask, tuple[str, ...]] = Field(default_factory=dict)
    most_connections: int = Field(default=64, ge=1)

    def tier(self, task: LlmTask) -> tuple[str, ...]:
        """Return the models that a task tries, in order."""
        return self.tiers.get(task, tuple(self.models))

    @model_validator(mode="after")
    def _know_models(self) -> Self:
        for task, names in self.tiers.items():
            for name in names:
                if name not in self.models:
                    raise ValueError(f"tiers.{task} names the model {name}; expected one of {', '.join(self.models)}")
        return self


class ChatSettings(BaseModel):
    """The conversations of the shopping agent.

    Attributes:
        branch: the branch of a conversation that names none.
        keep_days: a conversation is deleted so many days after its last message.
        token_hours: how long the token of a chat page works.
        messages_per_minute: of one chat page, in each process.
        most_message_characters: a longer message is refused.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    branch: str = Field(default="main", min_length=1, max_length=100)
    keep_days: int = Field(default=30, ge=1)
    token_hours: int = Field(default=12, ge=1)
    messages_per_minute: int = Field(default=30, ge=1)
    most_message_characters: int = Field(default=2000, ge=100, le=20_000)
