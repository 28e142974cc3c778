"""A site of a federated training over the features of an installation: it reads, and pays, for each round anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from features.repo.labelled_set import LabelledSetReader, Part
from federated.errors import DataRefused, SchemaMismatch, SiteRefused
from federated.plan import Plan
from federated.schema import SiteTable, TableSchema
from pipelines.errors import ReleaseError
from pipelines.federated.participant import Participants
from pipelines.federated.round_budget import RoundBudget
from pipelines.federated.training_plan import plan_difference, schema_of
from pipelines.release.declaration import ModelRelease
from privacy.errors import PrivacyError


@dataclass(frozen=True)
class FeatureSite:
    """A site, see `federated.schema.Site`.

    Each read passes the consent filter: a customer who withdrew, objected or was erased is missing from the next round.

    Attributes:
        name: name of the site.
        release: the model that it helps to train.
        reader: the training set of the installation.
        budget: the ledger.
        participants: where it is noted, as keyed hashes, whose rows were used; None notes nothing.
        members: returns the customers of this site at this moment; None takes all customers of the installation.
    """

    name: str
    release: ModelRelease
    reader: LabelledSetReader = field(repr=False)
    budget: RoundBudget = field(repr=False)
    participants: Participants | None = field(default=None, repr=False)
    members: Callable[[], frozenset[str]] | None = field(default=None, repr=False)

    def check_plan(self, plan: Plan) -> None:
        """Compare the plan of a run with the declaration here: a server could ask for another task, or no noise.

        Raises:
            SchemaMismatch: the run wants another table than the one declared here.
            SiteRefused: the plan differs in anything else.
        """
        self._check_schema(plan.schema)
        try:
            other = plan_difference(self.release, self.reader.columns, plan)
        except ReleaseError as error:
            raise SiteRefused(str(error)) from error
        if other:
            raise SiteRefused(
                f"Site {self.name!r} declares {self.release.name} with other settings: {', '.join(other)}. "
                "Every site and the plan need the same declaration."
            )

    def read(self, schema: TableSchema) -> SiteTable:
        """Return the training rows of customers who permit the purpose at this moment.

        Raises:
            SchemaMismatch: the run wants another table than the one declared here.
            DataRefused: the rows may not or cannot be read; the site's log has the reason.
        """
        table = self._read(schema, "train")
        if self.participants is not None:
            self.participants.add(self.release.name, table.customer)
        return table

    def read_test(self, schema: TableSchema) -> SiteTable:
        """Return the rows of the newest day whose outcome is known; none of them is used for training. Raises as read.

        The read passes the same consent filter.
        """
        return self._read(schema, "test")

    def debit(self, run: str, round_number: int, rho: float) -> None:
        """Debit the installation's ledger.

        Raises:
            SiteRefused: the budget does not allow the round, or the debit cannot be logged. Nothing leaves the site.
        """
        try:
            self.budget.debit(self.name, run, round_number, rho)
        except PrivacyError as error:
            raise SiteRefused(error.public_details) from error

    def _read(self, schema: TableSchema, part: Part) -> SiteTable:
        self._check_schema(schema)
        try:
            found = self.reader.read(part, None if self.members is None else self.members())
        except PrivacyError as error:
            raise DataRefused(error.public_details) from error
        return SiteTable.of(schema, found.features, found.target, found.customer)

    def _check_schema(self, schema: TableSchema) -> None:
        own = schema_of(self.release, self.reader.columns)
        if own.fingerprint != schema.fingerprint:
            raise SchemaMismatch(f"Site {self.name!r} reads another table. {difference(own, schema)}")


def difference(own: TableSchema, asked: TableSchema) -> str:
    """Return in words how two schemas differ: columns that only one has, or whose kind or bounds differ."""
    mine = {one.name: one for one in (*own.columns, own.target)}
    theirs = {one.name: one for one in (*asked.columns, asked.target)}
    parts = {
        "Only the run has": sorted(theirs.keys() - mine.keys()),
        "Only the site has": sorted(mine.keys() - theirs.keys()),
        "Other kind or bounds have": sorted(name for name in mine.keys() & theirs.keys() if mine[name] != theirs[name]),
    }
    found = [f"{title}: {', '.join(names)}." for title, names in parts.items() if names]
    return " ".join(found) or "The columns have another order, or `rows_max` differs."
