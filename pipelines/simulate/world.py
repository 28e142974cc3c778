"""Holds one replica of the market with its people, from which every source draws its rows."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from pipelines.simulate.address import current_home, draw_homes
from pipelines.simulate.household import draw_households
from pipelines.simulate.market import Market
from pipelines.simulate.member import draw_members
from pipelines.simulate.people import draw_people
from pipelines.simulate.random_stream import Bools, Ints, Streams, Texts, Times, chance
from pipelines.simulate.rates import DEFAULT_RATES, Rates
from pipelines.simulate.store import draw_stores
from pipelines.simulate.text import given

ACCOUNT_OFFSET = 1_000_000
STORE_OFFSET = 1_000_000
BASKET_OFFSET = 1_000_000_000_000


@dataclass(frozen=True)
class World:
    """The households, people, homes and registrations of one replica. Each refers to the others by row position."""

    market: Market
    streams: Streams
    regions: pd.DataFrame
    stores: pd.DataFrame
    households: pd.DataFrame
    people: pd.DataFrame
    homes: pd.DataFrame
    new_homes: pd.DataFrame
    members: pd.DataFrame
    is_online: Bools
    rates: Rates = DEFAULT_RATES

    @property
    def replica(self) -> int:
        """Number of this copy of the market, from 0."""
        return self.streams.replica

    def account(self, household: Ints) -> Ints:
        """Return the account numbers of households (positions) in this replica."""
        return self.market.household_id[household] + self.replica * ACCOUNT_OFFSET

    def order(self, basket: Ints) -> Ints:
        """Return the order numbers (basket_id) of baskets (positions) in this replica."""
        return self.market.basket_id[basket] + self.replica * BASKET_OFFSET

    @cached_property
    def principal(self) -> Ints:
        """The person (position) to whom each household's baskets belong."""
        return np.flatnonzero(self.people["is_principal"].to_numpy())

    @cached_property
    def member_no(self) -> Texts:
        """The first membership number of each person; None if the person never registered."""
        return self._numbers(self.members[~self.members["is_repeat"]])

    @cached_property
    def second_member_no(self) -> Texts:
        """The second membership number of each person who registered twice; None for others."""
        return self._numbers(self.members[self.members["is_repeat"]])

    def used_member_no(self, person: Ints, rng: np.random.Generator) -> Texts:
        """Draw the membership number that each person uses. People with two use the second with probability 0.3."""
        second = self.second_member_no[person]
        use_second = given(second) & chance(rng, 0.3, len(person))
        return np.where(use_second, second, self.member_no[person])

    def has_moved(self, household: Ints, at: Times) -> Bools:
        """Return for each household whether it had moved to its new home at the given time."""
        return current_home(self.households["moved_on"].to_numpy()[household], at)

    def column(self, name: str) -> Texts:
        """Return one column of `people` as an array of objects."""
        return self.people[name].to_numpy(object)

    def _numbers(self, members: pd.DataFrame) -> Texts:
        numbers = np.full(len(self.people), None, dtype=object)
        numbers[members["person"].to_numpy()] = members["member_no"].to_numpy(object)
        return numbers


def draw_world(market: Market, regions: pd.DataFrame, streams: Streams, rates: Rates = DEFAULT_RATES) -> World:
    """Draw the people, homes, stores and registrations of one replica of the market."""
    stores = draw_stores(market, regions, streams.generator("store"))
    households = draw_households(market, regions, stores["place"].to_numpy(), streams.generator("household"))
    people = draw_people(households, rates, streams)
    korean = households["is_korean"].to_numpy()
    return World(
        market=market,
        streams=streams,
        regions=regions,
        stores=stores,
        households=households,
        people=people,
        homes=draw_homes(regions, households["dong"].to_numpy(), korean, streams.generator("home")),
        new_homes=draw_homes(regions, households["new_dong"].to_numpy(), korean, streams.generator("new home")),
        members=draw_members(people, streams.replica, streams.generator("member")),
        is_online=_online_baskets(market, streams.generator("online")),
        rates=rates,
    )


def _online_baskets(market: Market, rng: np.random.Generator) -> Bools:
    """Draw which baskets are web orders: about 8 %, most of them of a few households."""
    habit = rng.beta(0.35, 3.85, len(market.household_id))
    return market.is_shoppable & chance(rng, habit[market.basket_household], len(market.basket_id))
