"""Metrics of conversations: turns, time, plans, tokens, cache hits and cost. Labels are names of settings only."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

from agent_serving.llm.model import Task, Usage

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class ChatMetrics:
    """The metrics of one application's conversations."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"bojagi_chat_{name}", text, labels, registry=registry)

        def histogram(name: str, text: str, *labels: str) -> Histogram:
            return Histogram(f"bojagi_chat_{name}", text, labels, buckets=_SECONDS, registry=registry)

        self.turns = counter("turns", "Answered turns, by who wrote the answer.", "answered_by", "intent")
        self.plans = counter("plans", "Plans, by who made them; a model's unusable plan by its fault.", "source")
        self.refused = counter("refused_sentences", "Sentences of a model that the results do not support.")
        self.concerns = counter("concerns", "Messages that were refused, by reason.", "concern")
        self.calls = counter("model_calls", "Calls of models, by outcome.", "model", "task", "outcome")
        self.tokens = counter("tokens", "Tokens: prompt, of it cached, and completion.", "model", "task", "kind")
        self.cost = counter("cost", "Price of the calls, in the currency of the settings.", "model")
        self.seconds = histogram("turn_seconds", "Time of a whole turn.", "answered_by")
        self.first = histogram("first_sentence_seconds", "Time until the first sentence leaves.", "answered_by")

    def note_call(self, task: Task, model: str, outcome: str, usage: Usage) -> None:
        """Count one call of a model."""
        self.calls.labels(model, task.value, outcome).inc()
        for kind, tokens in (("prompt", usage.prompt), ("cached", usage.cached), ("completion", usage.completion)):
            self.tokens.labels(model, task.value, kind).inc(tokens)
        self.cost.labels(model).inc(usage.cost)
