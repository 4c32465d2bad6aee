"""page: every number has its table, text is escaped, nothing reaches out, and the twin says the same."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest

import campaignkit as ck
from campaignkit.briefing.page import pdf_page
from campaignkit.briefing.report import html_page, linked

TWIN = {
    "title": "<b>Ohio</b> & #strong[x]", "as_of": "2012-10-02", "night": 3, "since": None, "trusted": False,
    "verdict": "Stop: <i>a.csv</i> is cut short.",
    "checks": [{"level": "stop", "what": "<i>a.csv</i>", "number": "3", "past": "9 to 12", "to_do": "*ask* #panic()"}],
    "parts": {"polls": {
        "title": "The polls", "sentences": ["48.8% of #everyone <all> on 2012-10-02"],
        "figures": [{"label": "For us", "text": "48.8%", "note": "<note>", "table": "polls"}],
        "tables": [{"name": "polls", "title": "Groups", "query": "SELECT '<x>'", "columns": ["level", "share"],
                    "kinds": {"share": "rate"}, "rows": [["O'Neill <script>", 0.488], ["b", None]]}],
        "changes": ["+0.3 points"],
        "charts": [{"title": "Chart", "description": "A \"chart\" <here>"}],
    }},
}  # fmt: skip
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"><text fill="currentColor">a</text></svg>'


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.ids, self.hrefs = [], [], []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.tags.append((tag, given))
        self.ids += [given["id"]] if "id" in given else []
        self.hrefs += [given["href"]] if "href" in given else []


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    return reader


@pytest.fixture(scope="module")
def written(built, tmp_path_factory):
    from tests.briefing import campaign

    path = campaign.copy_of(built, tmp_path_factory.mktemp("page"))
    with path.open("a") as more:
        more.write("pdf = true\n")
    ck.briefing.night(path, progress=False)
    return path.parent / "briefing"


def test_all_text_is_escaped():
    page = html_page(TWIN, {"polls": [SVG]})
    assert "<script" not in page
    assert "<i>a.csv" not in page
    assert "&lt;b&gt;Ohio&lt;/b&gt;" in page
    assert "O&#x27;Neill &lt;script&gt;" in page
    assert 'aria-label="A &quot;chart&quot; &lt;here&gt;"' in page


def test_the_verdict_comes_first_where_it_is_not_to_be_trusted():
    body = html_page(TWIN, {"polls": [SVG]}).partition("<body>")[2].strip()
    assert body.startswith('<p class="verdict stop"')


def test_each_number_leads_to_a_table_that_is_there_and_dates_do_not():
    text = linked("On 2012-10-02 +6.3 points, $1,234,567 of 3,000 people (12%).", "polls")
    assert re.findall(r">([^<]+)</a>", text) == ["+6.3", "$1,234,567", "3,000", "12%"]
    reader = read(html_page(TWIN, {"polls": [SVG]}))
    assert {href.removeprefix("#") for href in reader.hrefs} <= set(reader.ids)


def test_a_real_page_stands_by_itself_and_reads_in_order(written):
    page = (written / "page.html").read_text("utf-8")
    reader = read(page)
    assert not re.search(r'(?:src|href)="(?!#)', page)
    assert "<script" not in page
    assert "@import" not in page
    assert not re.search(r"url\((?!#)", page)
    assert len(reader.ids) == len(set(reader.ids))
    assert {href.removeprefix("#") for href in reader.hrefs} <= set(reader.ids)
    headings = [int(tag[1]) for tag, _ in reader.tags if re.fullmatch(r"h\d", tag)]
    assert headings[0] == 1
    assert set(headings[1:]) == {2}
    tables = sum(tag == "table" for tag, _ in reader.tags)
    assert tables == sum(tag == "caption" for tag, _ in reader.tags) > 3
    svgs = [given for tag, given in reader.tags if tag == "svg"]
    assert svgs
    assert all(given["role"] == "img" and given["aria-label"] for given in svgs)
    assert "Tonight &lt;b&gt;&amp; tomorrow&lt;/b&gt;" in page


def test_every_number_of_the_sentences_is_in_the_twin(written):
    page = (written / "page.html").read_text("utf-8")
    twin = json.loads((written / "page.json").read_text("utf-8"))
    said = json.dumps(twin, ensure_ascii=False)
    for number in re.findall(r'<a class="n"[^>]*>([^<]+)</a>', page):
        assert number in said
    for figure in re.findall(r'<span class="value">([^<]+)</span>', page):
        assert figure in said
    assert sum(len(part["tables"]) for part in twin["parts"].values()) == page.count("<caption>")


def test_the_pdf_takes_text_as_text_and_is_the_same_twice(written):
    assert (written / "page.pdf").read_bytes().startswith(b"%PDF")
    once, again = (pdf_page(TWIN, {"polls": [SVG]}) for _ in range(2))
    assert once == again
    assert once.startswith(b"%PDF")
