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
from pathlib import Path
from typing import Any

from features.errors import FeatureError
from features.repo.labelled_set import LabelledSetReader
from federated.errors import BadSetting
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


def open_site(config: Mapping[str, Any]) -> FeatureSite:
    """Return the site of a node's configuration, over the installation that it names. The node's process closes it.

    Raises:
        BadSetting: a key is missing, or names no data folder, model or site of the installation.
    """
    found = {key: str(config.get(key, "")) for key in ("data-dir", "model", "site", "declarations")}
    if missing := [key for key in ("data-dir", "model", "site") if not found[key]]:
        raise BadSetting(f"The node's configuration lacks {', '.join(missing)}; see pipelines/federated/adapter.py.")
    data = Path(found["data-dir"])
    if not data.is_dir():
        raise BadSetting(f"`data-dir` {data} is no folder; expected the data folder of an installation.")
    try:
        settings = load_settings(
            None, data_dir=data, landing_dir=data / "landing", lakehouse_root=str(data / "lakehouse")
        )  # fmt: skip
        installation = Installation(settings)
        service = FederatedService(installation, WHO, Path(found["declarations"]) if found["declarations"] else FOLDER)
        release = service.release(found["model"])
        members = None
        if config.get("declared-sites", False):
            split = SplitCustomers(installation, release, WHO)
            if found["site"] not in split.names:
                raise BadSetting(f"{release.name} declares no site {found['site']!r}; it has {', '.join(split.names)}.")
            members = lambda: split.of(found["site"])  # noqa: E731
        reader = LabelledSetReader(installation, release.training, release.purpose, WHO)
    except (FeatureError, InstallationError, PipelineError, PrivacyError) as error:
        raise BadSetting(str(error)) from error
    budget = RoundBudget(installation, release, WHO)
    return FeatureSite(found["site"], release, reader, budget, Participants(installation), members)
