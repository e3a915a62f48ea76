"""Targets that are down: what they leave untold is named, and nothing else is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from tests.unit.aggregator.told import AT, Family

from costwire_aggregator.outages import outages
from costwire_aggregator.samples import Sample
from costwire_aggregator.upstreams.targets import Key, Targets

KUBE, NODE = ("kube_node_info", "kube_pod_info"), ("node_uname_info", "costwire_node_cpu_usage")
ASKED = (*KUBE, *NODE, "scaph_energy_total")


def scraped(job: str, instance: str = "i", **more: str) -> dict[str, str]:
    return {"job": job, "instance": instance, **more}


def lacking(
    up: list[dict[str, str]], down: list[dict[str, str]], told: Mapping[str, list[dict[str, str]]]
) -> Mapping[str, str]:
    times: Family = [Sample(of, AT) for of in up] + [Sample(of, -AT) for of in down]
    targets = Targets(times)
    keys = {name: {targets.key(of) for of in series} for name, series in told.items()}
    return outages(targets, keys, ASKED)


def by(labels: dict[str, str], *names: str) -> dict[str, list[dict[str, str]]]:
    return {name: [labels] for name in names}


KSM, AGENT = scraped("ksm"), scraped("agent")
ALL = {**by(KSM, *KUBE), **by(AGENT, *NODE)}


def test_nothing_is_lacking_while_all_are_up() -> None:
    assert lacking([KSM, AGENT], [], ALL) == {}


def test_metrics_of_a_job_lack_what_its_target_that_is_down_would_tell() -> None:
    gone = scraped("agent", "second")
    assert lacking([KSM, AGENT], [gone], ALL) == dict.fromkeys(
        NODE, "job agent: 1 of 2 targets down"
    )


def test_job_that_tells_nothing_that_is_asked_for_does_not_count() -> None:
    some, others = scraped("alerts"), scraped("alerts", "second")
    assert lacking([KSM, AGENT, some], [others], ALL) == {}
    assert lacking([KSM, AGENT], [some, others], ALL) == {}


def test_of_a_job_that_is_down_altogether_those_metrics_are_lacking_that_nothing_else_tells() -> (
    None
):
    why = "job ksm: 1 of 1 target down"
    assert lacking([AGENT], [KSM], by(AGENT, *NODE)) == dict.fromkeys(KUBE, why)
    assert lacking([KSM], [AGENT], by(KSM, *KUBE)) == dict.fromkeys(
        NODE, "job agent: 1 of 1 target down"
    )


def test_rates_that_outlast_their_target_hide_nothing() -> None:
    told = {**by(KSM, *KUBE), **by(AGENT, "costwire_node_cpu_usage")}
    assert {*lacking([KSM], [AGENT], told)} == {*NODE}


def test_metric_that_is_alone_of_its_kind_is_not_suspected() -> None:
    assert "scaph_energy_total" not in lacking([], [KSM], {})


def test_what_a_job_tells_is_known_from_other_clusters() -> None:
    north, south = scraped("ksm", cluster="north"), scraped("ksm", cluster="south")
    agents = [scraped("agent", cluster=cluster) for cluster in ("north", "south")]
    told = {**by(north, *KUBE), **dict.fromkeys(NODE, agents)}
    assert {*lacking([north, *agents], [south], told)} == {*KUBE}


def test_cluster_whose_exporter_is_down_is_not_hidden_by_another_one() -> None:
    north, south = scraped("ksm", cluster="north"), scraped("state-metrics", cluster="south")
    agents = [scraped("agent", cluster=cluster) for cluster in ("north", "south")]
    told = {**by(north, *KUBE), **dict.fromkeys(NODE, agents)}
    assert lacking([north, *agents], [south], told) == dict.fromkeys(
        KUBE, "job state-metrics: 1 of 1 target down"
    )


def test_series_that_name_no_cluster_may_be_of_any() -> None:
    south = scraped("alerts", cluster="south")
    agents = [scraped("agent", cluster="south")]
    told = {**by(scraped("push"), *KUBE), **dict.fromkeys(NODE, agents)}
    assert lacking(agents, [south], told) == {}


def test_many_clusters_are_judged_as_fast_as_their_metrics_are_read() -> None:
    clusters, looks = [str(number) for number in range(400)], Counter[str]()

    class Counting(Targets):
        def cluster(self, key: Key) -> Key:
            looks["cluster"] += 1
            return super().cluster(key)

    agents = [scraped("agent", cluster=cluster) for cluster in clusters[::2]]
    others = [scraped("scheduler", cluster=cluster) for cluster in clusters]
    targets = Counting([Sample(of, AT) for of in agents] + [Sample(of, -AT) for of in others])
    told = {name: {targets.key(of) for of in agents} for name in NODE}
    looks.clear()
    assert {*outages(targets, told, NODE)} == {*NODE}
    assert looks["cluster"] <= 2 * len(agents) * len(NODE)


def test_reason_names_three_jobs_at_most() -> None:
    jobs = [scraped(f"job-{number}") for number in range(9)]
    (why,) = {*lacking([], jobs, {}).values()}
    assert why.count("target down") == 3
    assert why.endswith("; and 6 more jobs")
