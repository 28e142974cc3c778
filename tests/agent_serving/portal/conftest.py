"""A shop with a portal that is served: one for tests that change it, and a shared one for the others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.agent_serving.portal.portal_shop import PortalShop, Visitor, portal_of


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PortalShop]:
    one = PortalShop(tmp_path_factory.mktemp("portal"))
    yield one
    one.close()


@pytest.fixture(scope="module")
def url(shop: PortalShop) -> Iterator[str]:
    with portal_of(shop) as address:
        yield address


@pytest.fixture(autouse=True)
def _visitors() -> Iterator[None]:
    """Close the visitors of a test."""
    yield
    while Visitor.opened:
        Visitor.opened.pop().close()
