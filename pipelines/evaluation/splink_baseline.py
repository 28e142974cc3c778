"""Baseline of the evaluation: plain Splink with the models of its example notebooks.

Blocking rules, comparisons, training rules and thresholds are those of the notebooks `febrl3`, `febrl4` and
`deduplicate_50k_synthetic`, so that the baseline is what Splink's authors recommend. Other files get comparisons from
Splink's library, as its tutorial chooses them.
"""

import logging
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import duckdb
import numpy as np
import pandas as pd
import splink.comparison_library as cl
from numpy.typing import NDArray
from splink import DuckDBAPI, Linker, SettingsCreator, block_on
from splink.blocking_analysis import n_largest_blocks
from splink.internals.blocking_rule_creator import BlockingRuleCreator
from splink.internals.comparison_creator import ComparisonCreator
from splink.internals.exceptions import EMTrainingException, SplinkException
from splink.internals.splink_dataframe import SplinkDataFrame

from pipelines.evaluation.dataset import LabelledFile
from pipelines.matching.cluster import components
from pipelines.matching.mapping import Mapping as PartColumns

Rule = BlockingRuleCreator | str
LinkType = Literal["link_only", "dedupe_only"]
# Thresholds of the notebooks for predicted pairs and for clusters.
_PAIR_PROBABILITY = 0.2
_CLUSTER_PROBABILITY = 0.95
_ALL_BLOCKS = 1_000_000_000
MOST_PAIRS = 5_000_000
"""Most pairs that one blocking rule may compare. The rules of Splink's notebooks compare a tenth of it at most."""


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
        names: the file's name of each column, where the columns were renamed.
    """

    comparisons: tuple[ComparisonCreator, ...]
    blocking: tuple[Rule, ...]
    certain: tuple[Rule, ...]
    certain_recall: float
    training: tuple[Rule, ...]
    sampled_pairs: float
    without_terms: bool
    names: Mapping[str, str] = field(default_factory=dict)

    def in_names(self, sql: str) -> str:
        """Return a rule with the file's column names."""
        return re.sub(r'"(c\d+)"', lambda found: f'"{self.names.get(found[1], found[1])}"', sql)


@dataclass(frozen=True, slots=True)
class BaselineResult:
    """Result of plain Splink. Pairs are two arrays of row numbers.

    Attributes:
        candidates: pairs that blocking proposed.
        predicted: predicted pairs.
        group: for each row the smallest row number of its cluster.
        seconds: wall time.
        untrained: training rules on which Splink's training failed.
        left_out: blocking rules that would compare more than MOST_PAIRS pairs. They were not used, so that a column
            with one value for all records does not fill the memory.
    """

    candidates: tuple[NDArray[np.int64], NDArray[np.int64]]
    predicted: tuple[NDArray[np.int64], NDArray[np.int64]]
    group: NDArray[np.int64]
    seconds: float
    untrained: tuple[str, ...]
    left_out: tuple["LeftOutRule", ...] = ()


@dataclass(frozen=True, slots=True)
class LeftOutRule:
    """A blocking rule that was not used, and the number of pairs that it would compare."""

    rule: str
    pairs: int


def run_plain_splink(data: LabelledFile, threads: int = 2, memory: str = "4GB") -> BaselineResult:
    """Resolve a labelled file with Splink, as in its example notebooks; return its pairs, clusters and time."""
    logging.getLogger("splink").setLevel(logging.ERROR)
    began = time.perf_counter()
    model, frame = _model_for(data)
    frame = frame.assign(rid=np.arange(len(frame)))
    linked = data.mapping.one_per_person and data.mapping.source is not None
    source = data.frame[data.mapping.source] if linked else None
    parts = [frame] if source is None else [g for _, g in frame.groupby(source.to_numpy(), sort=True)]
    connection = duckdb.connect(config={"memory_limit": memory, "threads": threads})
    try:
        connection.execute("set enable_progress_bar = false")
        api = DuckDBAPI(connection)
        tables = [api.register(p, dataset_display_name=f"part_{n}") for n, p in enumerate(parts)]
        link_type: LinkType = "link_only" if linked else "dedupe_only"
        model, left_out = _without_large_rules(model, tables, link_type)
        if not model.blocking:
            return _nothing_compared(len(frame), began, left_out)
        settings = SettingsCreator(
            link_type=link_type,
            unique_id_column_name="rid",
            comparisons=list(model.comparisons),
            blocking_rules_to_generate_predictions=[
                r if isinstance(r, BlockingRuleCreator) else {"blocking_rule": r} for r in model.blocking
            ],
            retain_intermediate_calculation_columns=True,
        )
        linker = Linker(tables, settings, log_level=None)
        if model.certain:
            linker.training.estimate_probability_two_random_records_match(
                list(model.certain), recall=model.certain_recall
            )
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
        left_out,
    )


def _without_large_rules(
    model: BaselineModel, tables: Sequence[SplinkDataFrame], link_type: LinkType
) -> tuple[BaselineModel, tuple[LeftOutRule, ...]]:
    """Return the model without the rules that would compare more than MOST_PAIRS pairs, and these rules."""
    rules = {_rule_sql(r): r for r in (*model.blocking, *model.certain, *model.training)}
    large = {sql: pairs for sql, r in rules.items() if (pairs := _count_pairs(r, tables, link_type)) > MOST_PAIRS}
    blocking, certain, training = (
        tuple(r for r in part if _rule_sql(r) not in large) for part in (model.blocking, model.certain, model.training)
    )
    left_out = tuple(LeftOutRule(model.in_names(sql), pairs) for sql, pairs in large.items())
    return replace(model, blocking=blocking, certain=certain, training=training), left_out


def _count_pairs(rule: Rule, tables: Sequence[SplinkDataFrame], link_type: LinkType) -> int:
    """Return the number of pairs that agree on a rule, from the sizes of its blocks: no pair is made."""
    blocks = n_largest_blocks(list(tables), blocking_rule=rule, link_type=link_type, n_largest=_ALL_BLOCKS)
    ordered = sum(int(block["block_count"]) for block in blocks.as_record_list())
    return ordered if link_type == "link_only" else ordered // 2


def _rule_sql(rule: Rule) -> str:
    return rule if isinstance(rule, str) else rule.get_blocking_rule("duckdb").blocking_rule_sql


def _nothing_compared(records: int, began: float, left_out: tuple[LeftOutRule, ...]) -> BaselineResult:
    none = np.empty(0, dtype=np.int64)
    seconds = round(time.perf_counter() - began, 3)
    return BaselineResult((none, none), (none, none), np.arange(records), seconds, (), left_out)


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
        return (_febrl4() if data.mapping.one_per_person else _febrl()), data.frame.drop(columns=[data.truth])
    if {"first_name", "surname", "dob", "postcode_fake", "birth_place", "occupation"} <= columns:
        together = data.frame["first_name"] + " " + data.frame["surname"]
        return _historical(), data.frame.drop(columns=[data.truth]).assign(first_name_surname_concat=together)
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
    """Return a model of Splink's library comparisons, one per part, and the records.

    The columns are renamed, because Splink has reserved names such as `match_key` and `source_dataset`.
    """
    columns = list(dict.fromkeys(c for group in data.mapping.parts().values() for c in group))
    number = {column: f"c{n}" for n, column in enumerate(columns)}
    parts = {part: tuple(number[c] for c in group) for part, group in data.mapping.parts().items()}
    mapping = PartColumns.model_validate(parts)
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
            {new: old for old, new in number.items()},
        ),
        data.frame[columns].rename(columns=number),
    )
