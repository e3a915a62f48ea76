"""What a request's headers ask for: the encoding of the answer, and whether it is known already."""

from typing import Literal, get_args

Encoding = Literal["zstd", "gzip", "identity"]
_BY_PREFERENCE: tuple[Encoding, ...] = get_args(Encoding)


def choose_encoding(accept: str | None, offered: tuple[Encoding, ...] = _BY_PREFERENCE) -> Encoding:
    """The encoding that the client weighs highest; among equals the smallest answer.

    Null:   without the header, and where nothing offered is acceptable, `identity`.
    Source: RFC 9110, section 12.5.3.
    """
    weights = _weights(accept or "")
    fallback = weights.get("*", 0.0)
    best, best_weight = "identity", weights.get("identity", fallback or 0.001)
    for encoding in offered:
        weight = weights.get(encoding, 0.0 if encoding == "identity" else fallback)
        if weight > 0 and (weight, encoding != "identity") > (best_weight, best != "identity"):
            best, best_weight = encoding, weight
    return next(encoding for encoding in _BY_PREFERENCE if encoding == best)


def _weights(accept: str) -> dict[str, float]:
    weights = {}
    for item in accept.split(","):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        if name:
            weights[{"x-gzip": "gzip"}.get(name, name)] = _quality(parameters)
    return weights


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return min(max(float(parameter[2:]), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0


def is_known(if_none_match: str | None, etag: str) -> bool:
    """Whether the client holds this very answer.

    Source: RFC 9110, section 13.1.2 (weak comparison).
    """
    if if_none_match is None:
        return False
    tags = (tag.strip().removeprefix("W/") for tag in if_none_match.split(","))
    return any(tag in ("*", etag) for tag in tags)
