"""Bytes to records: which physical lines make a record, and which records can't be read. No columns, no meaning.

A record is one line, or several where a quoted field holds line ends. A line with an odd number of quotes opens
such a field and the next odd line closes it; where what lies between does not make a whole record, the first
line alone is set aside and reading goes on at the second, so a stray quote costs one line and not the file.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

CHUNK_BYTES = 16 << 20
MOST_LINES = 1_000  # of one record: a quote left open longer than this is a stray one
MOST_REJECTS = 1_000  # in a row: a longer run of records that can't be read is one, with all its lines
MOST_RAW = 1_000  # characters of a rejected record that are kept

_NEWLINE = 10
_REPLACED = "\ufffd".encode()


@dataclass(frozen=True)
class Reject:
    """A record that could not be read, or a long run of them; `raw` is how the first begins."""

    first_line: int
    lines: int
    reason: str
    raw: str


@dataclass(frozen=True)
class Block:
    """Some whole records of a file.

    Attributes
    ----------
    text : bytes
        The readable records, UTF-8, each ended by a newline.
    first_line : array of int64
        The physical line each readable record begins on, counted from 1.
    record_lines : array of int32
        How many physical lines each covers.
    rejects : list of Reject
        The records that can't be read.
    """

    text: bytes
    first_line: NDArray[np.int64]
    record_lines: NDArray[np.int32]
    rejects: list[Reject]

    @property
    def lines(self) -> int:
        """Physical lines the block covers."""
        return int(self.record_lines.sum()) + sum(reject.lines for reject in self.rejects)


def read_blocks(
    stream: BinaryIO,
    *,
    encoding: str,
    delimiter: str,
    quote: str,
    fields: int,
    skip_lines: int = 0,
    chunk_bytes: int = CHUNK_BYTES,
    carriage_returns: bool = False,
) -> Iterator[Block]:
    """Yield a stream's records in blocks of about `chunk_bytes`.

    Parameters
    ----------
    stream : binary file
        The file's bytes, decompressed; a byte order mark is skipped.
    encoding : str
        utf-8, cp1252 or utf-16.
    delimiter, quote : str
        One ASCII character each; an empty quote makes quotes ordinary characters.
    fields : int
        How many fields a record has; one with more or fewer is rejected.
    skip_lines : int
        Physical lines of the header.
    chunk_bytes : int
        How much is held at once.
    carriage_returns : bool
        Whether lines end in carriage returns alone.

    Yields
    ------
    Block
    """
    line, held = 1 + skip_lines, b""
    for last, chunk in _chunks(stream, encoding, chunk_bytes, carriage_returns):
        text = held + chunk
        while skip_lines and (end := text.find(b"\n")) >= 0:
            text, skip_lines = text[end + 1 :], skip_lines - 1
        if last and text and not text.endswith(b"\n"):
            text += b"\n"
        cut = text.rfind(b"\n") + 1
        if not cut or skip_lines:
            held = text
            continue
        block, undecided = split_records(_as_utf8(text[:cut], encoding), encoding, delimiter, quote, fields, line, last)
        held = undecided + text[cut:]
        line += block.lines
        yield block


def _chunks(stream: BinaryIO, encoding: str, chunk_bytes: int, carriage_returns: bool) -> Iterator[tuple[bool, bytes]]:
    """Yield (last, bytes) with line ends as newlines; UTF-16 comes out as UTF-8, what can't be decoded as U+FFFD."""
    wide = encoding.startswith("utf-16")
    decode = codecs.getincrementaldecoder(encoding)("replace").decode if wide else None
    first, held = True, b""
    while True:
        chunk = stream.read(chunk_bytes)
        last = not chunk
        if decode:
            chunk = decode(chunk, last).encode("utf-8")
        elif first:
            chunk = chunk.removeprefix(codecs.BOM_UTF8)
        first = False
        chunk = held + chunk
        held = b"\r" if chunk.endswith(b"\r") and not last else b""
        chunk = chunk[: len(chunk) - len(held)].replace(b"\r\n", b"\n")
        yield last, chunk.replace(b"\r", b"\n") if carriage_returns else chunk
        if last:
            return


def _as_utf8(text: bytes, encoding: str) -> bytes:
    """Return cp1252 lines as UTF-8; those that are UTF-8 already stay, as files put together from two often are."""
    if encoding != "cp1252" or _decodes(text):
        return text
    lines = text.split(b"\n")
    return b"\n".join(line if _decodes(line) else line.decode("cp1252", "replace").encode() for line in lines)


def split_records(
    text: bytes, encoding: str, delimiter: str, quote: str, fields: int, line: int, last_chunk: bool = True
) -> tuple[Block, bytes]:
    """Return the records of whole lines, and the end of them that only the next chunk can decide.

    Parameters
    ----------
    text : bytes
        UTF-8, ending in a newline.
    encoding : str
        What the file was read as, for the reason given with rejects.
    delimiter, quote, fields
        As in `read_blocks`.
    line : int
        The physical line the text begins on.
    last_chunk : bool
        Whether nothing follows.
    """
    starts, ends, quotes = _lines(text, quote)
    inner, stray, decided = _group_lines(text, starts, ends, quotes, delimiter, quote, fields, last_chunk)
    undecided = text[starts[decided] :] if decided < len(starts) else b""
    text, starts, ends = text[: len(text) - len(undecided)], starts[:decided], ends[:decided]
    first = np.flatnonzero(~inner[:decided])
    last = np.append(first[1:] - 1, decided - 1) if len(first) else first
    if not len(first):
        return Block(b"", first, first.astype(np.int32), []), undecided
    spoiled = np.logical_or.reduceat(_undecodable(text, encoding), first)
    problem = _problems(text, starts[first], ends[last], delimiter, quote, fields) | spoiled
    rejects = []
    for record, until in reject_runs(problem):
        raw = text[starts[first[record]] : ends[last[record]]].decode("utf-8", "replace")
        lone_quote = int(first[record]) in stray
        reason = _reason(raw, bool(spoiled[record]), lone_quote, encoding, delimiter, quote, fields)
        if until > record:
            reason = f"{reason}; nor could the {until - record:,} records after it be read"
        lines = int(last[until] - first[record] + 1)
        rejects.append(Reject(line + int(first[record]), lines, reason, raw[:MOST_RAW]))
    good = ~problem
    kept = _join(text, starts[first], ends[last] + 1, good)
    return Block(kept, line + first[good], (last - first + 1)[good].astype(np.int32), rejects), undecided


def reject_runs(problem: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the first and last record of each reject: one of each, or one of a run longer than `MOST_REJECTS`."""
    at = np.flatnonzero(problem)
    if len(at) <= MOST_REJECTS:
        return [(record, record) for record in at.tolist()]
    runs: list[tuple[int, int]] = []
    for run in np.split(at, np.flatnonzero(np.diff(at) > 1) + 1):
        longest = len(run) > MOST_REJECTS
        runs += [(int(run[0]), int(run[-1]))] if longest else [(record, record) for record in run.tolist()]
    return runs


def _undecodable(text: bytes, encoding: str) -> NDArray[np.bool_]:
    """Return which lines hold bytes that the file's encoding does not define."""
    lines = text.count(b"\n")
    if encoding == "utf-8":
        if _decodes(text):
            return np.zeros(lines, bool)
        return np.array([not _decodes(line) for line in text.split(b"\n")[:lines]], bool)
    if _REPLACED not in text:
        return np.zeros(lines, bool)
    return np.array([_REPLACED in line for line in text.split(b"\n")[:lines]], bool)


def _decodes(text: bytes) -> bool:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _lines(text: bytes, quote: str) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return where each line starts, where its newline stands, and how many quotes it holds."""
    data = np.frombuffer(text, np.uint8)
    ends = np.flatnonzero(data == _NEWLINE)
    starts = np.concatenate(([0], ends[:-1] + 1)) if len(ends) else ends
    if not quote:
        return starts, ends, np.zeros(len(ends), np.int64)
    before = np.searchsorted(np.flatnonzero(data == ord(quote)), np.concatenate((starts, [len(text)])))
    return starts, ends, np.diff(before)


def _group_lines(
    text: bytes,
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    quotes: NDArray[np.int64],
    delimiter: str,
    quote: str,
    fields: int,
    last_chunk: bool,
) -> tuple[NDArray[np.bool_], set[int], int]:
    """Return which lines go on from the one before, which open a quote for nothing, and how many are decided."""
    odd = np.flatnonzero(quotes & 1).tolist()
    inner, stray, position = np.zeros(len(starts), bool), set[int](), 0
    while position < len(odd):
        opening = odd[position]
        closing = odd[position + 1] if position + 1 < len(odd) else None
        if closing is None and not last_chunk and len(starts) - opening < MOST_LINES:
            return inner, stray, opening
        if closing is not None and closing - opening < MOST_LINES:
            record = text[starts[opening] : ends[closing] + 1]
            whole = np.array([0]), np.array([len(record) - 1])
            if not _problems(record, *whole, delimiter, quote, fields)[0]:
                inner[opening + 1 : closing + 1] = True
                position += 2
                continue
        stray.add(opening)
        position += 1
    return inner, stray, len(starts)


def _problems(
    text: bytes,
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    delimiter: str,
    quote: str,
    fields: int,
) -> NDArray[np.bool_]:
    """Return which records have a wrong number of fields, or a quote where none may stand."""
    data = np.frombuffer(text, np.uint8)
    if quote and (plain := _plainly_quoted(data, starts, ends, ord(delimiter), ord(quote), fields)).any():
        wrong, lengths = ~plain, (ends - starts + 1)[~plain]
        until = np.cumsum(lengths)
        rest = _join(text, starts, ends + 1, wrong)
        if len(rest):
            wrong[wrong] = _problems(rest, until - lengths, until - 1, delimiter, quote, fields)
        return wrong
    delimiters = np.flatnonzero(data == ord(delimiter))
    counted = np.diff(np.searchsorted(delimiters, np.append(starts, len(data)))) + 1
    misplaced = np.zeros(len(starts), bool)
    at = np.flatnonzero(data == ord(quote)) if quote else starts[:0]
    if len(at):
        before = np.searchsorted(at, np.append(starts, len(data)))
        record_of = np.repeat(np.arange(len(starts)), np.diff(before))
        quotes = _Quotes(at, record_of, opening=((np.arange(len(at)) - before[record_of]) & 1) == 0)
        counted -= _delimiters_inside(delimiters, quotes, ends)
        misplaced = _misplaced_quotes(data, quotes, starts, ord(delimiter))
    return (counted != fields) | misplaced | (ends == starts)


def _plainly_quoted(
    data: NDArray[np.uint8],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    delimiter: int,
    quote: int,
    fields: int,
) -> NDArray[np.bool_]:
    """Return which records have each field in quotes and no quote besides: nothing can be wrong with those."""
    plain = (data[starts] == quote) & (data[ends - 1] == quote)
    if not plain.any():
        return plain
    quotes = data == quote
    plain &= np.add.reduceat(quotes, starts, dtype=np.int64) == 2 * fields
    between = np.flatnonzero(quotes[:-2] & (data[1:-1] == delimiter) & quotes[2:])  # where "," stands
    record_of = np.searchsorted(starts, between, side="right") - 1
    plain &= np.bincount(record_of, minlength=len(starts)) == fields - 1
    plain[record_of[1:][np.diff(between) == 2]] = False  # two that share a quote
    plain[record_of[(between == starts[record_of]) | (between + 2 == ends[record_of] - 1)]] = False
    return plain


@dataclass(frozen=True)
class _Quotes:
    """A block's quotes, an entry each: where it stands, in which record, and whether it opens a value or closes one."""

    at: NDArray[np.int64]
    record_of: NDArray[np.int64]
    opening: NDArray[np.bool_]


def _delimiters_inside(delimiters: NDArray[np.int64], quotes: _Quotes, ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many of each record's delimiters stand between a quote that opens and the next, or the end."""
    record_of = quotes.record_of
    before = np.searchsorted(delimiters, quotes.at)
    until = np.append(before[1:], len(delimiters))
    last = np.append(record_of[1:] != record_of[:-1], True)
    until[last] = np.searchsorted(delimiters, ends[record_of[last]])
    inside = np.bincount(record_of, np.where(quotes.opening, until - before, 0), minlength=len(ends))
    return inside.astype(np.int64)


def _misplaced_quotes(
    data: NDArray[np.uint8], quotes: _Quotes, starts: NDArray[np.int64], delimiter: int
) -> NDArray[np.bool_]:
    """Return which records open a quote within a field, go on after closing one, or leave one open."""
    at, record_of, opening = quotes.at, quotes.record_of, quotes.opening
    wrong = np.zeros(len(starts), bool)
    previous, following = data[at - 1], data[np.minimum(at + 1, len(data) - 1)]
    quote = data[at[0]]
    at_start = at == starts[record_of]
    may_open = at_start | (previous == delimiter) | ((previous == quote) & ~at_start)
    may_close = (following == delimiter) | (following == _NEWLINE) | (following == quote)
    wrong[record_of[(opening & ~may_open) | (~opening & ~may_close)]] = True
    wrong[np.flatnonzero(np.bincount(record_of, minlength=len(starts)) & 1)] = True
    return wrong


def _reason(
    raw: str, undecodable: bool, lone_quote: bool, encoding: str, delimiter: str, quote: str, fields: int
) -> str:
    if undecodable:
        return f"not valid {encoding}"
    if not raw:
        return "blank line"
    if lone_quote:
        return "a quote opens and is not closed"
    counted = 1 + (raw.count(delimiter) if not quote else _fields_outside(raw, delimiter, quote))
    return f"{counted} fields, not {fields}" if counted != fields else "a quote within a field"


def _fields_outside(raw: str, delimiter: str, quote: str) -> int:
    return sum(part.count(delimiter) for part in raw.split(quote)[::2])


def _join(text: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64], good: NDArray[np.bool_]) -> bytes:
    """Return the good records, one after the other, copying whole runs."""
    if good.all():
        return text
    edges = np.flatnonzero(np.diff(np.concatenate(([False], good, [False])).astype(np.int8)))
    return b"".join(text[starts[a] : ends[b - 1]] for a, b in edges.reshape(-1, 2))
