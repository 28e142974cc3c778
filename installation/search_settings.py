"""The settings below `[search]`; the top of `installation/settings.py` explains them."""

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class SearchSettings(BaseModel):
    """Where the search index lies, and which model makes its vectors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    opensearch_url: str | None = Field(default=None, pattern=r"^https?://")
    opensearch_password_file: Path | None = None
    opensearch_index: str = Field(default="bojagi", pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")
    embedding_url: str | None = Field(default=None, pattern=r"^https?://")
    embedding_model: str | None = None
    extraction_url: str | None = Field(default=None, pattern=r"^https?://")
    extraction_model: str | None = None

    @model_validator(mode="after")
    def _need_model(self) -> Self:
        if self.embedding_url is not None and self.embedding_model is None:
            raise ValueError("embedding_url is set without embedding_model; expected the name of the endpoint's model")
        if (self.extraction_url is None) != (self.extraction_model is None):
            raise ValueError("only one of extraction_url and extraction_model is set; expected both or none")
        return self
