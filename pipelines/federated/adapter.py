"""Opens this installation as a site of a deployment. A node's configuration names it:

adapter = "pipelines.federated.adapter:open_site"
data-dir = "/srv/bojagi/data"     the data folder of the installation
model = "next_purchase"           the declared model that the site helps to train; its declaration lies here
site = "capital"                  the name of the site, as in its key
declared-sites = false            true takes only the customers of that site of the declaration, to try several
                                  nodes on one installation
declarations = ""                 a folder with declarations of releases, beside the built-in ones
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from features.errors import FeatureError
from features.repo.labelled_set import LabelledSetReader
from federated.errors import BadSetting
from federated.plan import Plan
from federated.schema import SiteTable, TableSchema
from installation.errors import InstallationError
from installation.installation import Installation
from installation.settings import load_settings
from pipelines.errors import PipelineError
from pipelines.federated.feature_site import FeatureSite
from pipelines.federated.participant import Participants
from pipelines.federated.round_budget import RoundBudget
from pipelines.federated.service import FederatedService
from pipelines.federated.site_split import SplitCustomers
from pipelines.release.declaration import FOLDER
from privacy.errors import PrivacyError

WHO = "bojagi federated site"
"""Name of a site's node in the audit log."""


@dataclass(frozen=True)
class NodeSite:
    """A site of a deployment, see `federated.schema.Site`. The installation is opened at the first read.

    A node starts a process for each message, and only one message of a masked round reads rows.
    """

    name: str
    data: Path
    model: str
    declarations: Path
    is_declared: bool

    def check_plan(self, plan: Plan) -> None:
        """Compare the plan with the declaration, see `FeatureSite.check_plan`; raises `BadSetting` as `read` does."""
        self.site.check_plan(plan)

    def read(self, schema: TableSchema) -> SiteTable:
        """Return the training rows, see `FeatureSite.read`; raises `BadSetting` where `open` does."""
        return self.site.read(schema)

    def debit(self, run: str, round_number: int, rho: float) -> None:
        """Debit the installation's ledger, see `FeatureSite.debit`."""
        self.site.debit(run, round_number, rho)

    @cached_property
    def site(self) -> FeatureSite:
        """The site over the installation. The node's process closes it.

        Raises:
            BadSetting: the installation, the model or the declared site cannot be used.
        """
        try:
            return self._open()
        except (FeatureError, InstallationError, PipelineError, PrivacyError) as error:
            raise BadSetting(str(error)) from error

    def _open(self) -> FeatureSite:
        lakehouse = str(self.data / "lakehouse")
        settings = load_settings(
            None, data_dir=self.data, landing_dir=self.data / "landing", lakehouse_root=lakehouse
        )  # fmt: skip
        installation = Installation(settings)
        release = FederatedService(installation, WHO, self.declarations).release(self.model)
        members = None
        if self.is_declared:
            split = SplitCustomers(installation, release, WHO)
            if self.name not in split.names:
                raise BadSetting(f"{release.name} declares no site {self.name!r}; it has {', '.join(split.names)}.")

            def members() -> frozenset[str]:
                return split.of(self.name)

        reader = LabelledSetReader(installation, release.training, release.purpose, WHO)
        budget = RoundBudget(installation, release, WHO)
        return FeatureSite(self.name, release, reader, budget, Participants(installation), members)


def open_site(config: Mapping[str, Any]) -> NodeSite:
    """Return the site of a node's configuration, over the installation that it names.

    Raises:
        BadSetting: a key is missing, or the data folder does not exist.
    """
    found = {key: str(config.get(key, "")) for key in ("data-dir", "model", "site")}
    if missing := [key for key in found if not found[key]]:
        raise BadSetting(f"The node's configuration lacks {', '.join(missing)}; see pipelines/federated/adapter.py.")
    data = Path(found["data-dir"])
    if not data.is_dir():
        raise BadSetting(f"`data-dir` {data} is no folder; expected the data folder of an installation.")
    declarations = Path(str(config.get("declarations", "") or FOLDER))
    return NodeSite(found["site"], data, found["model"], declarations, bool(config.get("declared-sites", False)))
