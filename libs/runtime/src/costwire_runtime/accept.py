"""In which form an answer is wanted, of those that there are."""

from collections.abc import Sequence

from costwire_runtime.problems import NotAcceptable


def preferred(accept: str | None, offered: Sequence[str]) -> str:
    """The media type that a request's `Accept` likes best; of equal ones the first.

    Raises: `NotAcceptable`.
    Source: RFC 9110, section 12.5.1.
    """
    ranges = {}
    for each in (accept or "*/*").split(","):
        media, *parameters = (part.strip().lower() for part in each.split(";"))
        told = next((part[2:] for part in parameters if part.startswith("q=")), "1")
        ranges[media] = _quality(told)
    liked = {form: _liked(form, ranges) for form in offered}
    best = max(liked, key=liked.__getitem__)
    if liked[best] > 0:
        return best
    raise NotAcceptable(f"answers are told as {', '.join(offered)}; accept one of these")


def _liked(form: str, ranges: dict[str, float]) -> float:
    """What the range says that names it most exactly."""
    named = (form, f"{form.partition('/')[0]}/*", "*/*")
    return next((ranges[media] for media in named if media in ranges), 0.0)


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
