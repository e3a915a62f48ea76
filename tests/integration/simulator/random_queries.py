"""Queries by chance, of what the small Prometheus knows."""

from __future__ import annotations

from random import Random

from costwire_simulator.promql.expressions import NAME

_FAMILIES = (
    "up",
    "kube_node_info",
    "kube_node_status_capacity",
    "kube_pod_status_phase",
    "node_memory_MemTotal_bytes",
    "node_memory_MemFree_bytes",
    "node_uname_info",
    "k8s_pod_phase",
    "nothing_has_this_name",
)
_COUNTERS = (
    "node_cpu_seconds_total",
    "container_cpu_usage_seconds_total",
    "node_network_receive_bytes_total",
)
_LABELS = ("job", "instance", "cluster", "node", "namespace", "mode", "resource", "phase", NAME)
_MATCHERS = (
    'job="kube-state-metrics"',
    'job!="kubelet"',
    'namespace=~"kube-.*|"',
    'resource=~"cpu|memory|"',
    'mode!~"idle|iowait"',
    'node=""',
    'cluster!=""',
)


def random_query(chance: Random, depth: int) -> str:
    """One of some depth; it need not make sense."""
    if depth == 0:
        return _random_selector(chance, _FAMILIES)
    inner = random_query(chance, depth - 1)
    match chance.randrange(9):
        case 0 | 1:
            labels = ", ".join(chance.sample(_LABELS[:-1], chance.randint(0, 3)))
            how, what = (
                chance.choice(("by", "without")),
                chance.choice(("sum", "max", "min", "count")),
            )
            return f"{what} {how} ({labels}) ({inner})"
        case 2:
            operator = chance.choice(("+", "-", "*", "/", "%", "^", "==", ">", "<=", "!= bool"))
            number = chance.choice(("0", "1", "-2.5", "1e3", "Inf", "NaN", "0x10"))
            return f"({inner}) {operator} {number}"
        case 3:
            operator = chance.choice(("-", "/", "<", "== bool"))
            return f"{chance.choice(('2', '-1'))} {operator} ({inner})"
        case 4:
            return f"timestamp({inner})"
        case 5:
            return _random_replacement(chance, inner)
        case 6:
            span = chance.choice(("2s", "3500ms", "5m", "1h"))
            counter = _random_selector(chance, _COUNTERS)
            return f"{chance.choice(('rate', 'increase'))}({counter}[{span}])"
        case 7:
            return f"-({inner})" if chance.random() < 0.5 else f"({inner}) or vector(1)"
    return _random_pair(chance, inner, random_query(chance, depth - 1))


def _random_selector(chance: Random, families: tuple[str, ...]) -> str:
    matchers = chance.sample(_MATCHERS, chance.choice((0, 0, 1, 2)))
    if chance.random() < 0.2:
        names = "|".join(chance.sample(families, 2))
        return f"{{{', '.join((f'__name__=~{names!r}', *matchers))}}}"
    return f"{chance.choice(families)}{{{', '.join(matchers)}}}"


def _random_replacement(chance: Random, inner: str) -> str:
    new, old = chance.choice(_LABELS), chance.choice(_LABELS)
    text = chance.choice(("$1", "${1}-x", "made_up", "", "$$1", "$2", "$1x"))
    shape = chance.choice(("", "(.*)", "kube-(.+)", "(.)(.*)"))
    return f'label_replace({inner}, "{new}", "{text}", "{old}", "{shape}")'


def _random_pair(chance: Random, left: str, right: str) -> str:
    labels = ", ".join(chance.sample(_LABELS, chance.randint(0, 3)))
    matching = chance.choice(("", "", f"on ({labels})", f"ignoring ({labels})"))
    if chance.random() < 0.6:
        operator = chance.choice(("and", "or", "unless"))
        return f"({left}) {operator} {matching} ({right})"
    operator = chance.choice(("+", "-", "*", "/", "==", ">", "> bool"))
    if matching and chance.random() < 0.5:
        matching += f" {chance.choice(('group_left', 'group_right'))} ()"
    return f"({left}) {operator} {matching} ({right})"
