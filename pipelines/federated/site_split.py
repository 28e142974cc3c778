"""Divides the customers of one installation into sites, to try a federated training out without other companies."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from features.definition import ENTITY
from installation.installation import Installation
from pipelines.errors import ReleaseError
from pipelines.release.declaration import ModelRelease
from privacy.audit import AuditEntry


class SplitCustomers:
    """The customers of each declared site, read once for each version of the table."""

    def __init__(self, installation: Installation, release: ModelRelease, who: str) -> None:
        """Check that the contract of the table allows the split.

        Raises:
            UnknownContractError: there is no contract of the table.
            ReleaseError: the table has no such columns, or the column may not serve the purpose.
        """
        self._installation, self._release, self._who = installation, release, who
        self._kept: tuple[int | None, Mapping[str, frozenset[str]]] | None = None
        split, contract = release.sites, installation.contracts.table(release.sites.table)
        columns = {column.name: column for column in contract.columns}
        if split.column not in columns or contract.subject_key != ENTITY:
            raise ReleaseError(
                f"{release.name}.yaml: the sites need a table with the subject key {ENTITY} and the column "
                f"{split.column}; {split.table} has {', '.join(columns)}."
            )
        if release.purpose not in columns[split.column].purposes:
            raise ReleaseError(
                f"{release.name}.yaml: the contract of {split.table} does not allow {split.column} for "
                f"{release.purpose}; choose another column, or add the purpose to the contract."
            )

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the sites, sorted: those of the declaration, or the values of the column."""
        return tuple(sorted(self._release.sites.groups or self.customers()))

    def of(self, site: str) -> frozenset[str]:
        """Return the customers of a site at this moment."""
        return self.customers().get(site, frozenset())

    def customers(self) -> Mapping[str, frozenset[str]]:
        """Return the customers by site. Customers whose value is null or in no group are in no site.

        Raises:
            LakehouseError: the table does not exist.
            ReleaseError: a customer is in two sites. A round is debited once, because each customer is in one.
            AuditError: the read cannot be logged.
        """
        split, lakehouse = self._release.sites, self._installation.lakehouse
        version = lakehouse.version(split.table)
        if self._kept is None or self._kept[0] != version:
            rows = lakehouse.rows(split.table, [ENTITY, split.column])
            self._log(rows.num_rows)
            site_of = {value: site for site, values in split.groups.items() for value in values}
            found: dict[str, set[str]] = {}
            for customer, value in zip(rows[ENTITY].to_pylist(), rows[split.column].to_pylist(), strict=True):
                site = site_of.get(str(value)) if split.groups else value
                if customer is not None and site is not None:
                    found.setdefault(str(site), set()).add(customer)
            if sum(map(len, found.values())) > len(set().union(*found.values())):
                raise ReleaseError(
                    f"{self._release.name}.yaml: customers are in several sites by {split.column} of {split.table}. "
                    "Choose a column with one value a customer."
                )
            self._kept = (version, {site: frozenset(members) for site, members in found.items()})
        return self._kept[1]

    def _log(self, customers: int) -> None:
        entry = AuditEntry(
            at=self._installation.clock(), who=self._who, role="pipeline", purpose=self._release.purpose,
            action="train", table=self._release.sites.table, columns=(ENTITY, self._release.sites.column),
            subjects=customers,
        )  # fmt: skip
        self._installation.audit_log.append(entry)
