"""Measures the memory of the served console over 10,000 page views of random customers and pages by all roles.

The server shares the process with its clients, whose memory counts as well.
"""

from __future__ import annotations

import gc
import random
import sys
from pathlib import Path

from agent_serving.console.page_table import PAGES, ROLES
from bench.claim import Claim
from bench.console.market import seen
from installation.installation import Installation
from tests.agent_serving.console.console_shop import console_of, staff

VIEWS, WARM_UP = 10_000, 0.2
BAR_MIB = 50.0
"""Growth from the end of the warm-up to the end. A leak of one page of 20 kB a view would be 160 MiB."""


def measure(installation: Installation, views: int) -> None:
    """Open pages, and print how much the memory grew after the warm-up."""
    rng = random.Random(1)
    customers = installation.lakehouse.rows("silver/customer", ["customer_id"])["customer_id"].to_pylist()
    known = {role: seen(installation, role, customers) for role in ROLES}
    pages = [(role, page.path) for page in PAGES.values() for role in sorted(page.roles)]
    sizes = []
    with console_of(installation) as url:
        browsers = {role: staff(installation, url, role) for role in ROLES}
        for number in range(views):
            role, path = rng.choice(pages)
            answer = browsers[role].get(path.replace("{customer}", rng.choice(known[role])))
            assert answer.status_code == 200, (role, path, answer.status_code)
            if number % (views // 20) == 0 or number == views - 1:
                gc.collect()
                sizes.append((number, resident_mib()))
                print(*sizes[-1], "MiB", file=sys.stderr, flush=True)
    warm = next(size for number, size in sizes if number >= views * WARM_UP)
    Claim(f"memory grown over {views:,} views", sizes[-1][1] - warm, "MiB", bar=BAR_MIB, runs=1).print_json()


def resident_mib() -> float:
    """Return the resident memory of this process."""
    text = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(text.split()[1]) / 1024
