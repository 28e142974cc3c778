"""Baseline of the evaluation: plain Splink with the models of its example notebooks.

Blocking rules, comparisons, training rules and thresholds are those of the notebooks `febrl3`, `febrl4` and
`deduplicate_50k_synthetic`, so that the baseline is what Splink's authors recommend. Other files get comparisons from
Splink's library, as its tutorial chooses them.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pandas as pd
import splink.comparison_library as cl
from numpy.typing import NDArray
from splink import DuckDBAPI, Linker, SettingsCreator, block_on
from splink.internals.blocking_rule_creator import BlockingRuleCreator
from splink.internals.comparison_creator import ComparisonCreator
from splink.internals.exceptions import EMTrainingException, SplinkException

from pipelines.evaluation.dataset import LabelledFile
from pipelines.matching.cluster import components

Rule = BlockingRuleCreator | str
# Thresholds of the notebooks for predicted pairs and for clusters.
_PAIR_PROBABILITY = 0.2
_CLUSTER_PROBABILITY = 0.95


@dataclass(frozen=True, slots=True)
class BaselineModel:
    """The declarations of a Splink notebook.

    Attributes:
        comparisons: comparisons of the model.
        blocking: blocking rules of the prediction.
        certain: deterministic rules from which the prior is estimated.
        certain_recall: assumed recall of these rules.
        training: blocking rules of the EM training.
        sampled_pairs: number of random pairs from which the u probabilities are estimated.
        without_terms: whether the training ignores term frequencies.
    """

    comparisons: tuple[ComparisonCreator, ...]
    blocking: tuple[Rule, ...]
    certain: tuple[Rule, ...]
    certain_recall: float
    training: tuple[Rule, ...]
    sampled_pairs: float
    without_terms: bool


@dataclass(frozen=True, slots=True)
class BaselineResult:
    """Result of plain Splink. Pairs are two arrays of row numbers.

    Attributes:
        candidates: pairs that blocking proposed.
        predicted: predicted pairs.
        group: for each row the smallest row number of its cluster.
        seconds: wall time.
        untrained: training rules on which Splink's training failed.
    """

    candidates: tuple[NDArray[np.int64], NDArray[np.int64]]
    predicted: tuple[NDArray[np.int64], NDArray[np.int64]]
    group: NDArray[np.int64]
    seconds: float
    untrained: tuple[str, ...]


def run_plain_splink(data: LabelledFile, threads: int = 2, memory: str = "4GB") -> BaselineResult:
    """Resolve a labelled file with Splink, as in its example notebooks; return its pairs, clusters and time."""
    logging.getLogger("splink").setLevel(logging.ERROR)
    began = time.perf_counter()
    model, frame = _model_for(data)
    frame = frame.assign(rid=np.arange(len(frame)))
    linked = data.mapping.one_per_person and data.mapping.source is not None
    parts = [g for _, g in frame.groupby(data.mapping.source, sort=True)] if linked else [frame]
    connection = duckdb.connect(config={"memory_limit": memory, "threads": threads})
    try:
        connection.execute("set enable_progress_bar = false")
        api = DuckDBAPI(connection)
        settings = SettingsCreator(
            link_type="link_only" if linked else "dedupe_only",
            unique_id_column_name="rid",
            comparisons=list(model.comparisons),
            blocking_rules_to_generate_predictions=[
                r if isinstance(r, BlockingRuleCreator) else {"blocking_rule": r} for r in model.blocking
            ],
            retain_intermediate_calculation_columns=True,
        )
        tables = [
            api.register(p.drop(columns=[data.truth]), dataset_display_name=f"part_{n}") for n, p in enumerate(parts)
        ]
        linker = Linker(tables, settings, log_level=None)
        linker.training.estimate_probability_two_random_records_match(list(model.certain), recall=model.certain_recall)
        linker.training.estimate_u_using_random_sampling(max_pairs=model.sampled_pairs, seed=2)
        failed = [str(rule) for rule in model.training if not _trains(linker, rule, model.without_terms)]
        predicted = linker.inference.predict()
        linker.clustering.cluster_pairwise_predictions_at_threshold(
            predicted, threshold_match_probability=_CLUSTER_PROBABILITY
        )
        rows = connection.execute(
            f"select rid_l::bigint as a, rid_r::bigint as b, match_probability as p from {predicted.physical_name}"
        ).fetchnumpy()
    finally:
        connection.close()
    seconds = time.perf_counter() - began
    left, right, probability = (np.asarray(rows[c]) for c in ("a", "b", "p"))
    likely, firm = probability >= _PAIR_PROBABILITY, probability >= _CLUSTER_PROBABILITY
    return BaselineResult(
        (left, right),
        (left[likely], right[likely]),
        components(len(frame), left[firm], right[firm]),
        round(seconds, 3),
        tuple(failed),
    )


def _trains(linker: Linker, rule: Rule, without_terms: bool) -> bool:
    """Train on the pairs of one rule; return whether it succeeded. If not, Splink's default probabilities remain."""
    try:
        linker.training.estimate_parameters_using_expectation_maximisation(
            rule, estimate_without_term_frequencies=without_terms
        )
    except (ValueError, SplinkException, EMTrainingException):
        return False
    return True


def _model_for(data: LabelledFile) -> tuple[BaselineModel, pd.DataFrame]:
    columns = set(data.frame.columns)
    if {"given_name", "surname", "date_of_birth", "soc_sec_id", "street_number", "postcode"} <= columns:
        return (_febrl4() if data.mapping.one_per_person else _febrl()), data.frame
    if {"first_name", "surname", "dob", "postcode_fake", "birth_place", "occupation"} <= columns:
        together = data.frame["first_name"] + " " + data.frame["surname"]
        return _historical(), data.frame.assign(first_name_surname_concat=together)
    return _library_model(data)


def _febrl() -> BaselineModel:
    return BaselineModel(
        comparisons=(
            cl.NameComparison("given_name"),
            cl.NameComparison("surname"),
            cl.DateOfBirthComparison("date_of_birth", input_is_string=True, datetime_format="%Y%m%d"),
            cl.DamerauLevenshteinAtThresholds("soc_sec_id", [2]),
            cl.ExactMatch("street_number").configure(term_frequency_adjustments=True),
            cl.ExactMatch("postcode").configure(term_frequency_adjustments=True),
        ),
        blocking=tuple(block_on(c) for c in ("soc_sec_id", "given_name", "surname", "date_of_birth", "postcode")),
        certain=(
            block_on("soc_sec_id"),
            block_on("given_name", "surname", "date_of_birth"),
            "l.given_name = r.surname and l.surname = r.given_name and l.date_of_birth = r.date_of_birth",
        ),
        certain_recall=0.9,
        training=(block_on("date_of_birth"), block_on("postcode")),
        sampled_pairs=1e6,
        without_terms=False,
    )


def _febrl4() -> BaselineModel:
    return BaselineModel(
        comparisons=(
            cl.NameComparison("given_name").configure(term_frequency_adjustments=True),
            cl.NameComparison("surname").configure(term_frequency_adjustments=True),
            cl.DateOfBirthComparison(
                "date_of_birth", input_is_string=True, datetime_format="%Y%m%d", invalid_dates_as_null=True
            ),
            cl.DamerauLevenshteinAtThresholds("soc_sec_id", [1, 2]),
            cl.ExactMatch("street_number").configure(term_frequency_adjustments=True),
            cl.DamerauLevenshteinAtThresholds("postcode", [1, 2]).configure(term_frequency_adjustments=True),
        ),
        blocking=(
            block_on("given_name", "surname"),
            "l.given_name = r.surname and l.surname = r.given_name",
            block_on("date_of_birth"),
            block_on("soc_sec_id"),
            block_on("state", "address_1"),
            block_on("street_number", "address_1"),
            block_on("postcode"),
        ),
        certain=(block_on("soc_sec_id"), block_on("given_name", "surname", "date_of_birth")),
        certain_recall=0.8,
        training=(block_on("date_of_birth"), block_on("postcode")),
        sampled_pairs=1e6,
        without_terms=True,
    )


def _historical() -> BaselineModel:
    return BaselineModel(
        comparisons=(
            cl.ForenameSurnameComparison(
                "first_name", "surname", forename_surname_concat_col_name="first_name_surname_concat"
            ),
            cl.DateOfBirthComparison("dob", input_is_string=True),
            cl.PostcodeComparison("postcode_fake"),
            cl.ExactMatch("birth_place").configure(term_frequency_adjustments=True),
            cl.ExactMatch("occupation").configure(term_frequency_adjustments=True),
        ),
        blocking=(
            block_on("substr(first_name,1,3)", "substr(surname,1,4)"),
            block_on("surname", "dob"),
            block_on("first_name", "dob"),
            block_on("postcode_fake", "first_name"),
            block_on("postcode_fake", "surname"),
            block_on("dob", "birth_place"),
            block_on("substr(postcode_fake,1,3)", "dob"),
            block_on("substr(postcode_fake,1,3)", "first_name"),
            block_on("substr(postcode_fake,1,3)", "surname"),
            block_on("substr(first_name,1,2)", "substr(surname,1,2)", "substr(dob,1,4)"),
        ),
        certain=(
            block_on("first_name", "surname", "dob"),
            block_on("substr(first_name,1,2)", "surname", "substr(postcode_fake,1,2)"),
            block_on("dob", "postcode_fake"),
        ),
        certain_recall=0.6,
        training=(block_on("first_name", "surname"), block_on("dob")),
        sampled_pairs=1e7,
        without_terms=True,
    )


def _library_model(data: LabelledFile) -> tuple[BaselineModel, pd.DataFrame]:
    """Return a model of Splink's library comparisons, one per part, and the records with unchanged columns."""
    mapping = data.mapping
    comparisons: list[ComparisonCreator] = []
    names = [*mapping.given_name[:1], *mapping.surname[:1], *(() if mapping.given_name else mapping.name[:1])]
    comparisons += [cl.NameComparison(c).configure(term_frequency_adjustments=True) for c in names]
    comparisons += [cl.LevenshteinAtThresholds(c, [1, 2]) for c in mapping.birth_date[:1]]
    comparisons += [cl.LevenshteinAtThresholds(c, [1, 2]) for c in mapping.phone[:1]]
    comparisons += [cl.EmailComparison(c) for c in mapping.email[:1]]
    comparisons += [cl.LevenshteinAtThresholds(c, [1, 2]) for c in mapping.identifier]
    comparisons += [cl.JaroWinklerAtThresholds(c, [0.9]) for c in mapping.address[:1]]
    exact = (*mapping.sex[:1], *mapping.postal_code[:1], *mapping.attribute)
    comparisons += [cl.ExactMatch(c).configure(term_frequency_adjustments=True) for c in exact]
    strong = (*mapping.identifier, *mapping.phone[:1], *mapping.email[:1])
    birth, whole = mapping.birth_date[:1], tuple(names)
    blocking: list[Rule] = [block_on(c) for c in (*strong, *mapping.postal_code[:1])]
    blocking += [block_on(*whole)] if whole else []
    blocking += [block_on(n, birth[0]) for n in names if birth]
    certain: list[Rule] = [block_on(*whole, *birth)] if whole else []
    certain += [block_on(c, *whole) for c in strong[:2]]
    training: Sequence[Rule] = [block_on(*whole)] if whole else [block_on(strong[0])]
    training = [*training, *(block_on(c) for c in (birth or strong[:1]))]
    return (
        BaselineModel(
            tuple(comparisons),
            tuple(blocking),
            tuple(certain or blocking[:1]),
            0.7,
            tuple(training),
            1e6,
            True,
        ),
        data.frame,
    )
