"""Numbers as an aide would read them aloud."""

from __future__ import annotations


def amount(value: float | None, kind: str) -> str:
    """Return a level in words.

    Examples
    --------
    >>> amount(0.3146, "rate"), amount(0.0042, "rate"), amount(0.418, "money"), amount(12.3456, "mean")
    ('31.5%', '0.42%', '$0.42', '12.3')
    """
    if value is None:
        return "an unknown level"
    if kind == "rate":
        return f"{value:.2%}" if abs(value) < 0.02 else f"{value:.1%}"
    return f"${value:,.2f}" if kind == "money" else f"{value:,.3g}"


def change(value: float, kind: str) -> str:
    """Return a difference in words.

    Examples
    --------
    >>> change(0.0634, "rate"), change(-0.12, "money")
    ('+6.3 points', '−$0.12')
    """
    sign = "−" if value < 0 else "+"
    return sign + (_points(abs(value)) + " points" if kind == "rate" else amount(abs(value), kind))


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
        return f"{_signed(lower)} to {_signed(upper)}"
    return f"{change(lower, kind)} to {change(upper, kind)}"


def p_value(value: float) -> str:
    """Return a p-value in words.

    Examples
    --------
    >>> p_value(0.0001), p_value(0.0312)
    ('p < 0.001', 'p = 0.031')
    """
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def _points(value: float) -> str:
    return f"{100 * value:.2f}" if value < 0.01 else f"{100 * value:.1f}"


def _signed(value: float) -> str:
    return ("−" if value < 0 else "+") + _points(abs(value))
