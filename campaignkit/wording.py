"""Numbers, shares, dollars, intervals and plurals in sentences: one way to write each.

A `kind` is "rate" (a share of people, read as percent), "money" (dollars a person) or "mean" (any other number).
"""

from __future__ import annotations

from collections.abc import Callable

MINUS = "−"


def share(value: float) -> str:
    """Return a share in percent; small ones with another digit.

    Examples
    --------
    >>> share(0.3146), share(0.0042), share(-0.05)
    ('31.5%', '0.42%', '−5.0%')
    """
    return f"{value:.2%}".replace("-", MINUS) if abs(value) < 0.02 else f"{value:.1%}".replace("-", MINUS)


def dollars(value: float, digits: int = 2) -> str:
    """Return dollars, the sign before them.

    Examples
    --------
    >>> dollars(12.4), dollars(-1234567.8, digits=0)
    ('$12.40', '−$1,234,568')
    """
    return f"{MINUS if value < 0 else ''}${abs(value):,.{digits}f}"


def number(value: float) -> str:
    """Return a number of any size to three digits or more, thousands apart.

    Examples
    --------
    >>> number(12629.4), number(3.14159), number(-0.1234)
    ('12,629', '3.14', '−0.123')
    """
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.2f}" if abs(value) >= 1 else f"{value:.3f}"
    return text.replace("-", MINUS)


def counted(count: int, one: str, many: str | None = None) -> str:
    """Return a count with its noun.

    Examples
    --------
    >>> counted(1, "person", "people"), counted(12629, "gift")
    ('1 person', '12,629 gifts')
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def points(value: float) -> str:
    """Return a difference of shares in percentage points, without a sign.

    Examples
    --------
    >>> points(0.0634), points(-0.0012)
    ('6.3', '0.12')
    """
    size = abs(value)
    return f"{100 * size:.2f}" if size < 0.01 else f"{100 * size:.1f}"


COUNTS = {"n", "count", "counts", "number", "clicks", "opens", "visits", "calls", "days", "times", "doors", "shares"}


def kind_shown(kind: str, column: str) -> str:
    """Return the kind that a column's numbers are told as: a count is analyzed as money is, but is no dollars.

    Examples
    --------
    >>> kind_shown("money", "gift"), kind_shown("money", "days_canvassed")
    ('money', 'mean')
    """
    return "mean" if kind == "money" and COUNTS & set(column.casefold().split("_")) else kind


def level(value: float | None, kind: str) -> str:
    """Return a level in words.

    Examples
    --------
    >>> level(0.3146, "rate"), level(0.418, "money"), level(12.3456, "mean"), level(None, "rate")
    ('31.5%', '$0.42', '12.3', 'an unknown level')
    """
    if value is None:
        return "an unknown level"
    return share(value) if kind == "rate" else dollars(value) if kind == "money" else f"{value:,.3g}"


def change(value: float, kind: str) -> str:
    """Return a difference in words.

    Examples
    --------
    >>> change(0.0634, "rate"), change(-0.12, "money")
    ('+6.3 points', '−$0.12')
    """
    return sign(value) + (points(value) + " points" if kind == "rate" else level(abs(value), kind))


def sign(value: float) -> str:
    """Return the sign that stands before a difference."""
    return MINUS if value < 0 else "+"


def interval(lower: float | None, upper: float | None, kind: str) -> str:
    """Return an interval of a difference in words.

    Examples
    --------
    >>> interval(-0.0012, 0.0716, "rate")
    '−0.12 to +7.2'
    """
    if lower is None or upper is None:
        return "not known"
    if kind == "rate":
        return f"{sign(lower)}{points(lower)} to {sign(upper)}{points(upper)}"
    return f"{change(lower, kind)} to {change(upper, kind)}"


def between(lower: float, upper: float, write: Callable[[float], str]) -> str:
    """Return an interval of levels, each end written by `write`.

    Examples
    --------
    >>> between(0.051, 0.062, share), between(1.5, 22.4, number), between(-1.2, 3.4, number)
    ('5.1–6.2%', '1.50–22.40', '−1.20 to 3.40')
    """
    low, high = write(lower), write(upper)
    if min(lower, upper) < 0 or "+" in low + high:
        return f"{low} to {high}"
    return f"{low.removesuffix('%')}–{high}"


def confidence(level: float) -> str:
    """Return a confidence level in words.

    Examples
    --------
    >>> confidence(0.95), confidence(0.995)
    ('95%', '99.5%')
    """
    return f"{100 * level:.6g}%"


def p_value(value: float) -> str:
    """Return a p-value in words.

    Examples
    --------
    >>> p_value(0.0001), p_value(0.0312)
    ('p < 0.001', 'p = 0.031')
    """
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"
