"""Physical lines to records: nothing is lost, and a stray quote costs one line."""

import csv
import io

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from campaignkit.megafile.ingest.records import MOST_LINES, _problems, read_blocks
from campaignkit.megafile.ingest.sources import parse

HEADER = ["a", "b", "c"]


def read(data: bytes, *, quote='"', delimiter=",", encoding="utf-8", skip_lines=0, chunk_bytes=1 << 20):
    blocks = list(
        read_blocks(
            io.BytesIO(data), encoding=encoding, delimiter=delimiter, quote=quote, fields=3,
            skip_lines=skip_lines, chunk_bytes=chunk_bytes,
        )
    )  # fmt: skip
    rows = [row for block in blocks for row in parse(block.text, HEADER, delimiter, quote).rows()]
    first = [int(line) for block in blocks for line in block.first_line]
    rejects = [reject for block in blocks for reject in block.rejects]
    return (
        [tuple(value or "" for value in row) for row in rows],
        first,
        rejects,
        sum(block.lines for block in blocks),
    )


@pytest.mark.parametrize("chunk_bytes", [1, 3, 7, 1000])
def test_each_broken_record_is_set_aside_with_its_line_and_reason(chunk_bytes):
    data = b'1,"x\ny",z\n2,b"c"d,e\n3,"say ""hi"", you",z\n\n4,"open,x\n5,y,z\n6,"q\nr\ns",t\n7,1\n8,\xff,z\n9,,'
    rows, first, rejects, lines = read(data, chunk_bytes=chunk_bytes)
    assert [row[0] for row in rows] == ["1", "3", "5", "6", "9"]
    assert rows[3] == ("6", "q\nr\ns", "t")
    assert first == [1, 4, 7, 8, 13]
    assert [(r.first_line, r.lines, r.reason) for r in rejects] == [
        (3, 1, "a quote within a field"),
        (5, 1, "blank line"),
        (6, 1, "a quote opens and is not closed"),
        (11, 1, "2 fields, not 3"),
        (12, 1, "not valid utf-8"),
    ]
    assert rejects[2].raw == '4,"open,x'
    assert lines == data.count(b"\n") + 1


def test_a_quote_that_never_closes_costs_one_line_and_not_the_file():
    data = b'1,"open,x\n' + b"".join(b"%d,y,z\n" % n for n in range(2, 5 * MOST_LINES))
    for chunk_bytes in (100, 1 << 20):
        rows, _, rejects, lines = read(data, chunk_bytes=chunk_bytes)
        assert len(rows) == 5 * MOST_LINES - 2
        assert [reject.first_line for reject in rejects] == [1]
        assert lines == 5 * MOST_LINES - 1


def test_without_a_quote_character_quotes_are_ordinary():
    rows, _, rejects, _ = read(b'1,"Bo" Diddley,x\n2,",y\n', quote="")
    assert rows == [("1", '"Bo" Diddley', "x"), ("2", '"', "y")]
    assert not rejects


def test_cp1252_is_read_and_bytes_it_does_not_define_are_rejected():
    rows, _, rejects, _ = read("1,Peña,“x”\n".encode("cp1252") + b"2,\x81,y\n", encoding="cp1252")
    assert rows == [("1", "Peña", "“x”")]
    assert rejects[0].reason == "not valid cp1252"


def test_utf16_is_read_across_chunks():
    data = "a,b,c\r\n1,Nguyễn,😀\r\n".encode("utf-16")
    for chunk_bytes in (1, 5, 1000):
        rows, first, rejects, lines = read(data, encoding="utf-16", skip_lines=1, chunk_bytes=chunk_bytes)
        assert (rows, first, rejects, lines) == ([("1", "Nguyễn", "😀")], [2], [], 1)


def test_an_empty_file_and_a_file_of_blank_lines():
    assert read(b"") == ([], [], [], 0)
    rows, _, rejects, lines = read(b"\n\n")
    assert (rows, len(rejects), lines) == ([], 2, 2)


field = st.text(st.sampled_from('ab"\n, \r\té\x00😀'), max_size=6)


@settings(deadline=None)
@given(st.lists(st.tuples(field, field, field), max_size=8), st.integers(1, 60), st.booleans())
def test_what_the_csv_module_writes_is_read_back_whole(rows, chunk_bytes, crlf):
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n" if crlf else "\n", quoting=csv.QUOTE_ALL).writerows(rows)
    data = out.getvalue().encode()
    got, _, rejects, lines = read(data, chunk_bytes=chunk_bytes)
    assert not rejects
    assert got == [tuple(value.replace("\r\n", "\n") for value in row) for row in rows]
    assert lines == data.count(b"\n")


@settings(deadline=None)
@given(st.binary(max_size=80).map(lambda b: b.replace(b"\x00", b",")), st.integers(1, 90))
def test_lines_are_accounted_for_whatever_the_bytes(data, chunk_bytes):
    rows, first, rejects, lines = read(data, chunk_bytes=chunk_bytes)
    assert lines == data.count(b"\n") + (not data.endswith(b"\n") and bool(data))
    assert len(rows) == len(first)
    covered = sorted([*first, *(reject.first_line for reject in rejects)])
    assert covered == sorted(set(covered))


@settings(deadline=None)
@given(st.text(st.sampled_from('a",\n'), max_size=60), st.integers(1, 70))
def test_the_chunk_size_changes_nothing(text, chunk_bytes):
    assert read(text.encode(), chunk_bytes=chunk_bytes) == read(text.encode())


def one_by_one(line, fields):
    """Whether a line is no record, said one character after the other."""
    counted, wrong, inside = 1, not line, False
    for at, character in enumerate(line):
        before, after = line[at - 1 : at] if at else ",", line[at + 1 : at + 2] or ","
        if character == '"':
            wrong |= (after if inside else before) not in (",", '"')
            inside = not inside
        counted += character == "," and not inside
    return wrong or inside or counted != fields


PIECES = st.lists(st.sampled_from(['"', '","', '""', "a", ","]), max_size=9).map("".join)  # of lines that quote all


@settings(deadline=None, max_examples=400)
@given(st.lists(st.text(st.sampled_from('a",'), max_size=12) | PIECES, min_size=1, max_size=8), st.integers(1, 4))
@example(['","a""', '"a","b"'], 2)  # its first quote is one of a pair around a comma
@example(['"a",","b""'], 3)  # two such pairs share a quote
def test_records_are_judged_as_they_are_one_character_after_the_other(lines, fields):
    ends = np.cumsum([len(line) + 1 for line in lines]) - 1
    starts = np.append(0, ends[:-1] + 1)
    problems = _problems(("\n".join(lines) + "\n").encode(), starts, ends, ",", '"', fields)
    assert problems.tolist() == [one_by_one(line, fields) for line in lines]
