"""The tools that come with Bojagi, in one registry, and their services on an installation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_serving.tool.customer import CUSTOMER_TOOLS
from agent_serving.tool.order import ORDER_STATUS, OrderReader
from agent_serving.tool.registry import ToolRegistry
from agent_serving.tool.shop import SHOP_TOOLS
from agent_serving.tool.tool import FeatureSource, ToolServices

if TYPE_CHECKING:
    from agent_serving.search.engine import SearchEngine
    from installation.installation import Installation


def built_in_tools(installation: Installation) -> ToolRegistry:
    """Return the registry with the built-in tools. Later tools are added with `ToolRegistry.add`."""
    return ToolRegistry((*SHOP_TOOLS, *CUSTOMER_TOOLS, ORDER_STATUS), installation.roles)


def tool_services(
    installation: Installation, features: FeatureSource, search: SearchEngine | None = None
) -> ToolServices:
    """Return the services of an installation that the built-in tools use."""
    return ToolServices(features, search, OrderReader(installation))
