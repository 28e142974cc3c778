"""Errors of federated training. Messages name sites, tables, columns and arrays, never customers or values."""

from __future__ import annotations


class FederatedError(Exception):
    """Base of every error that this package raises on purpose.

    Attributes:
        code: what happened, in one word; it travels in a refusal from a site to the server.
    """

    code = "error"


class SchemaMismatch(FederatedError):
    """A site's table, a message or a checkpoint follows another schema than the run's."""

    code = "schema"


class DataRefused(FederatedError):
    """A site's table holds what no task may read: a missing, infinite or non-numeric value, or too many rows."""

    code = "data"


class PayloadRefused(FederatedError):
    """A message carries other arrays than declared: another name, shape or type, or a value out of bounds."""

    code = "payload"


class RoundRefused(FederatedError):
    """A message belongs to another run or to a round that this end has finished."""

    code = "round"


class TooFewSites(FederatedError):
    """Fewer sites answered than the run accepts. The model of the last complete round stays as it is."""

    code = "sites"


class SiteRefused(FederatedError):
    """A site declines to take part, by its own policy: the run asks for more than the site gives."""

    code = "policy"


class CheckpointRefused(FederatedError):
    """A checkpoint is damaged, or it belongs to another run."""

    code = "checkpoint"


class BadSetting(FederatedError):
    """A setting of a run, task or site is missing, unknown or contradicts another."""

    code = "setting"


class DeploymentFailed(FederatedError):
    """A process of a deployment did not start, or it ended before it should."""

    code = "deployment"
