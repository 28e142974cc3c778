"""The client app: what a node of Flower runs at a site. The node's configuration names the site's adapter."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from flwr.app import ConfigRecord, Context, Message, UserConfig
from flwr.clientapp import ClientApp

from federated.errors import BadSetting
from federated.plan import Plan, SitePolicy
from federated.round_memory import keep, recall
from federated.schema import Site, SiteTable, TableSchema
from federated.secure.identity import Roster, SiteIdentity
from federated.site_worker import ChoosySite, Memory, SecureKeys, SiteWorker
from federated.wire import Parcel, Step

SiteOpener = Callable[[Context], Site]
KeyOpener = Callable[[Context], SecureKeys | None]
SIMULATED = {"partition-id", "num-partitions"}
"""The keys of a simulated node's configuration."""


def config_of(context: Context) -> UserConfig:
    """Returns the configuration of a node. Only a simulated node, which has none of its own, takes the run's."""
    if context.node_config and set(context.node_config) <= SIMULATED:
        return {**context.run_config, **context.node_config}
    return context.node_config


def site_of(context: Context) -> Site:
    """Opens the site that the node's configuration names as `adapter = "package.module:function"`.

    The function gets the configuration as a mapping and returns the site.
    """
    config = config_of(context)
    module, _, function = str(config.get("adapter", "")).partition(":")
    if not module or not function:
        raise BadSetting('The node\'s configuration needs `adapter`, such as adapter="package.module:open_site".')
    opener = getattr(import_module(module), function)
    return cast(Site, opener(config))


def keys_of(context: Context) -> SecureKeys | None:
    """Reads the site's key and roster from the files `secure-key` and `secure-roster`; None when there are none.

    The first line of the key file is the site's name, the second its private key in hexadecimal.
    """
    key, roster = (str(context.node_config.get(name, "")) for name in ("secure-key", "secure-roster"))
    if not key and not roster:
        return None
    try:
        name, secret = Path(key).read_text().split("\n")[:2]
        return SecureKeys(
            SiteIdentity.from_bytes(name, bytes.fromhex(secret)), Roster.from_json(Path(roster).read_text())
        )
    except (OSError, ValueError) as error:
        raise BadSetting(f"`secure-key` or `secure-roster` cannot be read: {type(error).__name__}.") from None


class LateSite:
    """A site that is opened at its first read: most messages of a masked round need no rows."""

    def __init__(self, open_site: Callable[[], Site], name: str) -> None:
        self._open, self._name = open_site, name

    @property
    def name(self) -> str:
        """Name of the site's secure key; without one, of the opened site."""
        return self._name or self._site.name

    @cached_property
    def _site(self) -> Site:
        site = self._open()
        if self._name and site.name != self._name:
            raise BadSetting(f"The secure key is of site {self._name!r}, the data of site {site.name!r}.")
        return site

    def check_plan(self, plan: Plan) -> None:
        """Lets the opened site compare the plan with what it agreed on, if it does so."""
        if isinstance(self._site, ChoosySite):
            self._site.check_plan(plan)

    def read(self, schema: TableSchema) -> SiteTable:
        """Reads the rows of the opened site."""
        return self._site.read(schema)

    def debit(self, run: str, round_number: int, rho: float) -> None:
        """Debits the ledger of the opened site."""
        self._site.debit(run, round_number, rho)


def make_client_app(open_site: SiteOpener = site_of, open_keys: KeyOpener = keys_of) -> ClientApp:
    """Returns a client app over the sites and keys that the functions open."""
    app = ClientApp()
    for step in Step:
        category, _, action = step.message_type.partition(".")
        register = app.evaluate if category == "evaluate" else app.train
        register(action)(_handler(step, open_site, open_keys))
    return app


def _handler(step: Step, open_site: SiteOpener, open_keys: KeyOpener) -> Callable[[Message, Context], Message]:
    def handle(message: Message, context: Context) -> Message:
        keys = open_keys(context)
        site = LateSite(partial(open_site, context), keys.identity.name if keys else "")
        worker = SiteWorker(site, SitePolicy.from_config(config_of(context)), keys)
        if "memory" not in context.state:
            context.state["memory"] = ConfigRecord()
        memory: Any = context.state["memory"]
        path = str(context.node_config.get("memory", ""))
        if path:
            recall(Path(path), memory)
        answer = worker.answer(step, Parcel.from_record(message.content), cast(Memory, memory))
        if path:
            keep(Path(path), memory)
        return Message(answer.to_record(), reply_to=message)

    return handle


app = make_client_app()
