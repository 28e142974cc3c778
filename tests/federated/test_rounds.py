"""Rounds between server and sites in one process: what may leave, what is refused, and what a failure leaves behind."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from flwr.app import Context, RecordDict

from federated.channel import GridChannel, LocalGrid
from federated.checkpoint import read_checkpoint
from federated.client_app import make_client_app
from federated.collection import Answer
from federated.errors import BadSetting, CheckpointRefused, PayloadRefused, SiteRefused, TooFewSites
from federated.fixed_point import FixedPoint
from federated.glm import Glm
from federated.local_run import local_grid, run_local
from federated.plan import Plan, Privacy, SitePolicy
from federated.schema import ArraySpec, Column, SiteTable
from federated.secure.identity import Roster, SiteIdentity
from federated.server import Training
from federated.site_worker import SecureKeys, SiteWorker
from federated.wire import Parcel, Step
from tests.federated.sites import OPEN, SCHEMA, MemorySite, make_site, make_sites

PLAIN = Plan("run", Glm(), SCHEMA, sites_min=2, is_secure=False, timeout_seconds=1.0)
MASKED = dataclasses.replace(PLAIN, sites_min=3, is_secure=True)
Change = Callable[[Step, int, Parcel], Parcel | None]


class TamperedChannel(GridChannel):
    """A channel that alters answers on their way, or loses them (None)."""

    def __init__(self, channel: GridChannel, change: Change) -> None:
        super().__init__(channel._grid)
        self.change = change

    def ask(self, step: Step, requests: Mapping[int, Parcel], timeout_seconds: float) -> Mapping[int, Answer]:
        answers = super().ask(step, requests, timeout_seconds)
        changed = {
            node: self.change(step, node, answer.parcel)
            for node, answer in answers.items()
            if answer.parcel is not None
        }
        return {node: Answer(parcel) for node, parcel in changed.items() if parcel is not None}


def _training(plan: Plan, change: Change, sites: int = 4, checkpoint: Path | None = None) -> Training:
    grid, roster = local_grid(make_sites(sites), OPEN)
    return Training(plan, TamperedChannel(GridChannel(grid), change), roster, checkpoint)


def _only(node: int, change: Callable[[Parcel], Parcel | None]) -> Change:
    return lambda step, at, parcel: change(parcel) if at == node else parcel


def test_masked_and_plain_runs_give_the_same_bits() -> None:
    plain, masked = run_local(PLAIN, make_sites(4), config=OPEN), run_local(MASKED, make_sites(4), config=OPEN)
    assert plain.is_done
    for name, array in plain.state.items():
        np.testing.assert_array_equal(array, masked.state[name])


def test_the_server_of_a_masked_run_sees_no_vector_of_a_site() -> None:
    plain: dict[int, bytes] = {}
    masked: dict[int, bytes] = {}

    def note(into: dict[int, bytes]) -> Change:
        def change(step: Step, node: int, parcel: Parcel) -> Parcel:
            if step is Step.CONTRIBUTE:
                into[node] = parcel.arrays["vector"].tobytes()
            if step is Step.MASK:
                (into[node],) = parcel.blobs.values()
            return parcel

        return change

    _training(dataclasses.replace(PLAIN, rounds_max=1), note(plain)).run()
    _training(dataclasses.replace(MASKED, rounds_max=1), note(masked)).run()
    assert set(plain) == set(masked)
    for node in plain:
        own, seen = (np.frombuffer(found[node], np.uint64) for found in (plain, masked))
        assert not (own == seen).any()


def _array(value: np.ndarray) -> Callable[[Parcel], Parcel]:
    return lambda parcel: dataclasses.replace(parcel, arrays={"vector": value})


SIZE = 5 + 15 + 1
BAD_ANSWERS: dict[str, tuple[Callable[[Parcel], Parcel | None], str]] = {
    "lost": (lambda parcel: None, "no answer in time"),
    "another size": (_array(np.zeros(3, np.uint64)), "declared is one vector"),
    "another type": (_array(np.full(SIZE, np.nan)), "declared is one vector"),
    "beyond its bound": (_array(np.full(SIZE, 2**62, np.uint64)), "beyond its declared bound"),
    "another array besides": (
        lambda parcel: dataclasses.replace(parcel, arrays={**parcel.arrays, "rows": np.zeros((3, 4))}),
        "declared is one vector",
    ),
    "another round": (
        lambda parcel: dataclasses.replace(parcel, header={**parcel.header, "round": 7}),
        "is for round 7",
    ),
    "another run": (lambda parcel: dataclasses.replace(parcel, header={**parcel.header, "run": "x"}), "is for run 'x'"),
    "another site's name": (
        lambda parcel: dataclasses.replace(parcel, header={**parcel.header, "site": "site-0"}),
        "which is another's",
    ),
}


@pytest.mark.parametrize("case", BAD_ANSWERS)
def test_a_bad_answer_is_left_out_with_the_reason_and_the_model_is_that_of_the_others(case: str) -> None:
    change, reason = BAD_ANSWERS[case]
    outcome = _training(dataclasses.replace(PLAIN, rounds_max=1), _only(5, change)).run()
    expected = run_local(dataclasses.replace(PLAIN, rounds_max=1), make_sites(3), config=OPEN)
    (record,) = outcome.history
    assert record["sites"] == ["site-0", "site-1", "site-2"]
    assert reason in " ".join(record["left_out"].values())
    np.testing.assert_array_equal(outcome.state["coefficient"], expected.state["coefficient"])


@pytest.mark.parametrize("step", [Step.ADVERTISE, Step.SHARE, Step.MASK, Step.CONFIRM, Step.REVEAL])
def test_a_site_that_drops_out_of_a_masked_round_leaves_an_exact_sum(step: Step) -> None:
    lost: Change = lambda at, node, parcel: None if at is step and node == 5 else parcel  # noqa: E731
    outcome = _training(dataclasses.replace(MASKED, rounds_max=1), lost).run()
    stays = 3 if step in (Step.ADVERTISE, Step.SHARE, Step.MASK) else 4
    expected = run_local(dataclasses.replace(PLAIN, rounds_max=1), make_sites(stays), config=OPEN)
    assert outcome.history[0]["sites"] == [f"site-{number}" for number in range(stays)]
    np.testing.assert_array_equal(outcome.state["coefficient"], expected.state["coefficient"])


@pytest.mark.parametrize("plan", [PLAIN, MASKED])
def test_too_few_sites_end_the_run_with_the_checkpoint_of_the_round_before_and_it_resumes(
    plan: Plan, tmp_path: Path
) -> None:
    rounds: list[int] = []
    path, complete = tmp_path / "run.checkpoint", run_local(plan, make_sites(4), config=OPEN)

    def change(step: Step, node: int, parcel: Parcel) -> Parcel | None:
        return None if parcel.header["round"] == 2 and node > 2 else parcel

    with pytest.raises(TooFewSites, match=r"Round 2 of run 'run' has .* resume the run"):
        _training(plan, change, checkpoint=path).run()
    assert int(read_checkpoint(path).state["round"]) == 2
    resumed = _training(plan, lambda step, node, parcel: rounds.append(int(parcel.header["round"])) or parcel, 4, path)
    outcome = resumed.run()
    assert min(rounds) == 2
    for name, array in complete.state.items():
        np.testing.assert_array_equal(array, outcome.state[name])


def test_a_damaged_checkpoint_and_one_of_another_plan_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.checkpoint"
    run_local(PLAIN, make_sites(3), path, config=OPEN)
    with pytest.raises(CheckpointRefused, match="another plan"):
        run_local(dataclasses.replace(PLAIN, run="other"), make_sites(3), path, config=OPEN)
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(bytes(body))
    with pytest.raises(CheckpointRefused):
        read_checkpoint(path)


def test_a_replayed_request_is_refused_and_a_new_session_is_answered() -> None:
    grid, _ = local_grid([make_site(0)], {"secure-only": False, "sites-min": 1})
    plan = dataclasses.replace(PLAIN, sites_min=1)
    state = plan.task.start(SCHEMA)
    channel = GridChannel(grid)

    def ask(session: int) -> Mapping[str, object]:
        request = _request(plan, state)
        request = dataclasses.replace(request, header={**request.header, "session": session})
        (answer,) = channel.ask(Step.CONTRIBUTE, {2: request}, 1.0).values()
        assert answer.parcel is not None
        return answer.parcel.header

    assert "refused" not in ask(5)
    assert ask(5)["refused"] == "round"
    assert ask(4)["refused"] == "round"
    assert "refused" not in ask(6)


def test_a_restarted_node_remembers_the_rounds_that_it_answered(tmp_path: Path) -> None:
    config = {"secure-only": False, "sites-min": 1, "memory": str(tmp_path / "rounds.json")}
    plan = dataclasses.replace(PLAIN, sites_min=1)

    def ask() -> Mapping[str, object]:
        grid, _ = local_grid([make_site(0)], config)
        answers = GridChannel(grid).ask(Step.CONTRIBUTE, {2: _request(plan, plan.task.start(SCHEMA))}, 1.0)
        assert answers[2].parcel is not None
        return answers[2].parcel.header

    assert "refused" not in ask()
    assert ask()["refused"] == "round"
    (tmp_path / "rounds.json").write_text("{")
    grid, _ = local_grid([make_site(0)], config)
    (answer,) = GridChannel(grid).ask(Step.CONTRIBUTE, {2: _request(plan, plan.task.start(SCHEMA))}, 1.0).values()
    assert answer.parcel is None


@pytest.mark.parametrize(
    ("config", "plan", "reason"),
    [
        ({}, PLAIN, "masked sums only"),
        ({"secure-only": False}, PLAIN, "at least 3 sites"),
        ({**OPEN, "private-only": True}, PLAIN, "with noise only"),
        ({**OPEN, "schemas": "0" * 64}, PLAIN, "does not give the schema"),
    ],
)
def test_a_site_takes_no_part_in_a_run_that_breaks_its_policy(
    config: dict[str, str | bool], plan: Plan, reason: str
) -> None:
    with pytest.raises(TooFewSites, match=reason):
        run_local(plan, make_sites(3), config=config)


def test_a_site_with_another_schema_is_left_out() -> None:
    sites = make_sites(3)
    other = dataclasses.replace(SCHEMA, columns=(*SCHEMA.columns[:3], Column("feature_3", "number", -9.0, 9.0)))
    sites[2] = make_site(2, schema=other)
    outcome = run_local(dataclasses.replace(PLAIN, rounds_max=1), sites, config=OPEN)
    assert outcome.history[0]["sites"] == ["site-0", "site-1"]
    assert "another schema" in outcome.history[0]["left_out"]["site-2"]


def test_an_adapter_that_builds_a_table_by_itself_sends_neither_missing_values_nor_values_out_of_bounds() -> None:
    sites, plan = make_sites(4), dataclasses.replace(PLAIN, rounds_max=1)
    far = np.where(np.arange(300)[:, None] < 5, 1e9, sites[2].table.features)
    gaps = np.where(np.arange(300)[:, None] < 5, np.nan, sites[3].table.features)
    sites[2].table = dataclasses.replace(sites[2].table, features=far)
    sites[3].table = dataclasses.replace(sites[3].table, features=gaps)
    outcome = run_local(plan, sites, config=OPEN)
    assert outcome.history[0]["sites"] == ["site-0", "site-1", "site-2"]
    assert "Missing or infinite values" in outcome.history[0]["left_out"]["site-3"]
    sites[2].table = SiteTable.of(SCHEMA, far, sites[2].table.target)
    clipped = run_local(plan, sites[:3], config=OPEN)
    np.testing.assert_array_equal(outcome.state["coefficient"], clipped.state["coefficient"])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"coefficient": np.full(5, np.nan)}, "not a number"),
        ({"coefficient": np.zeros(5, np.int64)}, "expected are float64"),
        ({"extra": np.zeros(1)}, "has the arrays"),
        ({"round": np.array(3, np.int64)}, "message of round 0"),
    ],
)
def test_a_site_refuses_a_state_that_is_not_the_tasks(change: dict[str, np.ndarray], reason: str) -> None:
    grid, _ = local_grid(make_sites(2), OPEN)
    state = PLAIN.task.start(SCHEMA)
    request = dataclasses.replace(_request(PLAIN, state), arrays={**state, **change})
    (answer,) = GridChannel(grid).ask(Step.CONTRIBUTE, {2: request}, 1.0).values()
    assert answer.parcel is not None
    assert reason in str(answer.parcel.header["reason"])
    assert not answer.parcel.arrays


def test_a_site_is_opened_for_its_rows_only_and_must_be_the_site_of_its_key(tmp_path: Path) -> None:
    opened: list[int] = []
    identities = [SiteIdentity.generate(f"site-{number}") for number in range(4)]
    roster = Roster({one.name: one.public_key for one in identities})

    def open_site(context: Context) -> MemorySite:
        opened.append(context.node_id)
        return make_site(9 if context.node_id == 3 else context.node_id)

    app = make_client_app(open_site, lambda context: SecureKeys(identities[context.node_id], roster))
    grid = LocalGrid(app, {node: Context(0, node, {}, RecordDict(), {}) for node in range(4)})
    outcome = Training(dataclasses.replace(MASKED, rounds_max=1), GridChannel(grid), roster).run()
    assert sorted(opened) == [0, 1, 2, 3]
    assert outcome.history[0]["sites"] == ["site-0", "site-1", "site-2"]
    assert "the data of site 'site-9'" in outcome.history[0]["left_out"]["site-3"]


def test_an_error_of_an_adapter_reaches_the_server_without_its_text() -> None:
    sites = make_sites(3)
    sites[2].read = lambda schema: 1 / 0  # type: ignore[method-assign, assignment, return-value]
    outcome = run_local(dataclasses.replace(PLAIN, rounds_max=1), sites, config=OPEN)
    assert "division" not in str(outcome.history)
    assert "client app failed" in str(outcome.history[0]["left_out"])


def test_fixed_point_sums_are_exact_in_every_order_and_refuse_what_is_not_finite() -> None:
    codec = FixedPoint((ArraySpec("a", (3, 2), 1e6), ArraySpec("b", (), 1e-3)), sites=50)
    rng = np.random.default_rng(4)
    arrays = [{"a": rng.uniform(-1e6, 1e6, (3, 2)), "b": rng.uniform(-1e-3, 1e-3, ())} for _ in range(50)]
    vectors = [codec.encode(item) for item in arrays]
    forward, backward = np.zeros(7, np.uint64), np.zeros(7, np.uint64)
    for vector, other in zip(vectors, reversed(vectors), strict=True):
        forward, backward = forward + vector, backward + other
    np.testing.assert_array_equal(forward, backward)
    np.testing.assert_allclose(codec.decode(forward)["a"], sum(item["a"] for item in arrays), atol=1e-8)
    np.testing.assert_allclose(codec.decode(forward)["b"], sum(item["b"] for item in arrays), rtol=1e-12)
    assert codec.decode(codec.encode({"a": np.full((3, 2), 9e9), "b": np.array(0.0)}))["a"].max() == 1e6
    with pytest.raises(PayloadRefused, match="not finite"):
        codec.encode({"a": np.full((3, 2), np.inf), "b": np.array(0.0)})
    with pytest.raises(PayloadRefused, match="declared are a, b"):
        codec.encode({"a": np.zeros((3, 2))})


def test_a_plan_survives_its_json_and_unsafe_plans_are_refused() -> None:
    assert Plan.from_json(MASKED.to_json()) == MASKED
    assert Plan.from_json(MASKED.to_json()).fingerprint == MASKED.fingerprint
    with pytest.raises(BadSetting, match="at least 3"):
        dataclasses.replace(MASKED, sites_min=2)
    with pytest.raises(BadSetting, match="no task"):
        Plan.from_json(PLAIN.to_json().replace('"glm"', '"nosuch"'))
    with pytest.raises(BadSetting, match="no plan"):
        Plan.from_json("{}")


NOISY = dataclasses.replace(
    MASKED, task=Glm(is_private=True), privacy=Privacy(clip=1.0, noise_multiplier=2.0), rounds_max=1
)


def test_a_noisy_sum_of_the_fewest_sites_has_the_noise_that_was_debited() -> None:
    sites = make_sites(3)
    state, codec = NOISY.task.start(SCHEMA), NOISY.codec(NOISY.task.start(SCHEMA))
    exact = [Glm(is_private=True).contribute_each(state, site.table, 1.0) for site in sites]
    expected = np.concatenate([sum(part[name] for part in exact).ravel() for name in ("gradient", "hessian")])
    errors = []
    for number in range(60):
        vectors = [
            SiteWorker(site, SitePolicy())._vector(
                dataclasses.replace(NOISY, run=f"run {number}"), _request(NOISY, state)
            )
            for site in sites
        ]
        found = codec.decode(np.sum(vectors, axis=0, dtype=np.uint64))
        errors.append(np.concatenate([found["gradient"], found["hessian"]]) - expected)
    # Standard deviation clip · multiplier = 2 over 1,200 values: four standard errors are 4 · 2 / √2400.
    assert np.std(errors) == pytest.approx(2.0, abs=4 * 2 / np.sqrt(2 * np.size(errors)))
    (first, *_) = sites[0].debits
    assert first == ("run 0/1", 0, pytest.approx(1 / (2 * 2.0**2), rel=0.01))


def test_a_site_whose_ledger_refuses_sends_nothing_and_reads_like_a_site_that_left() -> None:
    sites = make_sites(4)

    def refuse(run: str, round_number: int, rho: float) -> None:
        raise SiteRefused("The budget of the month is spent.")

    sites[3].debit = refuse  # type: ignore[method-assign]
    outcome = run_local(NOISY, sites)
    assert outcome.history[0]["sites"] == ["site-0", "site-1", "site-2"]
    assert "budget of the month" in outcome.history[0]["left_out"]["site-3"]
    assert outcome.history[0]["rho"] == pytest.approx(1 / 8, rel=0.01)
    with pytest.raises(BadSetting, match="is_private"):
        dataclasses.replace(NOISY, task=Glm())


def _request(plan: Plan, state: Mapping[str, np.ndarray]) -> Parcel:
    length = plan.codec(state).size
    return Parcel({"plan": plan.to_json(), "run": plan.run, "session": 1, "round": 0, "length": length}, state)
