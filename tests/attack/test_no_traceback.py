"""Whatever is damaged, missing or forbidden: one clear error of ours, soon, and nothing left behind."""

import errno
import gzip
import io
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import duckdb
import pytest

from campaignkit import Megafile, cli
from campaignkit.errors import BadValue, CampaignkitError, LayoutError, RefreshRefused
from campaignkit.megafile import schema
from campaignkit.megafile.export.log import append_export_log, log_path, read_export_log
from campaignkit.megafile.ingest.layout import read_layout
from campaignkit.megafile.ingest.sources import find_sources, number_files
from campaignkit.megafile.ingest.staging import load_files, note_sources
from campaignkit.megafile.storage import replacing
from campaignkit.progress import Steps
from campaignkit.sql import connect
from tests.attack.spoiling import spoiled_bytes, spoiled_text
from tests.megafile.campaign import GIFT_LAYOUT, GIFTS, VOTER_LAYOUT, VOTERS, write_campaign

MOST_SECONDS = 5.0


def build(folder, layouts, **options):
    return Megafile.build(
        folder / "exports", folder / "c.duckdb", layouts=layouts, model=False, progress=False, **options
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A small megafile, to be copied."""
    folder = tmp_path_factory.mktemp("whole")
    build(folder, write_campaign(folder)).close()
    return folder / "c.duckdb"


@pytest.fixture
def megafile(whole, tmp_path):
    path = tmp_path / "c.duckdb"
    path.write_bytes(whole.read_bytes())
    with Megafile.open(path) as megafile:
        yield megafile


def read_through(folder, layouts):
    """Read a folder's files into a stage, as a build does; an error of ours is as good as none, any other is not."""
    began = time.monotonic()
    try:
        sources, _ = find_sources(folder, layouts)
        with connect() as con:
            con.execute(schema.schema_sql())
            con.execute("ATTACH ':memory:' AS stage")
            load_files(con, sources, number_files(sources), 0, Steps("", show=False))
            note_sources(con, sources, {})
    except CampaignkitError:
        pass
    assert time.monotonic() - began < MOST_SECONDS


# Layouts, manifests, archives, files


@pytest.mark.parametrize("seed", range(20))
def test_no_spoiled_layout_traces_back(tmp_path, seed):
    rng = random.Random(f"layouts {seed}")
    (tmp_path / "voters_20121001.csv").write_text(VOTERS, encoding="utf-8")
    (tmp_path / "gifts.csv").write_text(GIFTS, encoding="utf-8")
    for _ in range(10):
        own, other = rng.sample([VOTER_LAYOUT, GIFT_LAYOUT], 2)
        try:
            layout = read_layout(spoiled_text(own, rng), "mine.toml")
        except CampaignkitError:
            continue
        read_through(tmp_path, [layout, read_layout(other, "other.toml")])


LAYOUTS = [read_layout(VOTER_LAYOUT, "v"), read_layout(GIFT_LAYOUT, "g")]


def packed(how):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as archive:
        archive.writestr("voters.csv", VOTERS * 5)
        archive.writestr("older/voters_20120901.csv", VOTERS)
    return out.getvalue()


ARCHIVES = {
    "stored_20121001.zip": packed(zipfile.ZIP_STORED), "deflated_20121001.zip": packed(zipfile.ZIP_DEFLATED),
    "bzip2_20121001.zip": packed(zipfile.ZIP_BZIP2), "lzma_20121001.zip": packed(zipfile.ZIP_LZMA),
    "voters_20121001.csv.gz": gzip.compress(VOTERS.encode() * 5),
}  # fmt: skip


@pytest.mark.parametrize("name", ARCHIVES)
def test_no_spoiled_archive_traces_back(tmp_path, name):
    rng = random.Random(name)
    for _ in range(40):
        (tmp_path / name).write_bytes(spoiled_bytes(ARCHIVES[name], rng))
        read_through(tmp_path, LAYOUTS)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_no_spoiled_file_or_manifest_traces_back(tmp_path, encoding):
    rng = random.Random(encoding)
    manifest = b'["voters_20121001.csv"]\nlayout = "tiny_voter"\nas_of = 2012-10-01\n'
    for _ in range(25):
        (tmp_path / "voters_20121001.csv").write_bytes(spoiled_bytes(VOTERS.encode(encoding), rng))
        (tmp_path / "manifest.toml").write_bytes(spoiled_bytes(manifest, rng, 1) if rng.random() < 0.5 else manifest)
        read_through(tmp_path, LAYOUTS)


MANIFESTS = {
    'layout = ["a"]': "must be a layout's name", "as_of = 2012-10-01T10:00:00": "must be a date",
    "as_of = '2012-10-01'": "must be a date", "as_of = 1": "must be a date", "x = 1": "may say layout and as_of",
}  # fmt: skip


@pytest.mark.parametrize("line", MANIFESTS)
def test_a_manifest_of_wrong_types_is_told_so(tmp_path, line):
    layouts = write_campaign(tmp_path)
    (tmp_path / "exports" / "manifest.toml").write_text(f'["gifts.csv"]\n{line}\n', encoding="utf-8")
    with pytest.raises(LayoutError, match=MANIFESTS[line]):
        build(tmp_path, layouts)


def test_a_manifest_or_layout_in_latin_1_or_that_is_a_folder_is_told_so(tmp_path):
    layouts = write_campaign(tmp_path)
    manifest = tmp_path / "exports" / "manifest.toml"
    manifest.write_bytes('["Peña.csv"]\n'.encode("latin-1"))
    with pytest.raises(LayoutError, match=r"manifest\.toml is not UTF-8"):
        build(tmp_path, layouts)
    manifest.unlink()
    manifest.mkdir()
    with pytest.raises(LayoutError, match=r"manifest\.toml can't be read"):
        build(tmp_path, layouts)
    manifest.rmdir()
    layouts[0].write_bytes("# Peña\n".encode("latin-1"))
    with pytest.raises(LayoutError, match="is not UTF-8"):
        build(tmp_path, layouts)
    with pytest.raises(LayoutError, match="is not UTF-8"):  # a folder stands for the layouts in it
        build(tmp_path, [tmp_path])
    with pytest.raises(LayoutError, match="no layout at"):
        build(tmp_path, [tmp_path / "exports"])
    layouts[0].unlink()
    layouts[0].mkdir()
    with pytest.raises(LayoutError, match="can't be read"):
        build(tmp_path, [tmp_path])
    with pytest.raises(BadValue, match="takes paths"):
        build(tmp_path, [3])


WRONG = {
    'name = "tiny_voter"': "name = 3",
    'key = ["VOTER_ID"]': 'key = "VOTER_ID"',
    "[file]": "[file]\ndelimiter = ';;'",
    "file_name = '(\\d{8})'": "file_name = '\\d{8}'",
    'scope = ["county"]': 'scope = ["country"]',
    'column = "BORN", format = "%m/%d/%Y"': 'column = "BORN", format = "%Q"',
    "group = 1": "group = 3",
    'address = "ADDRESS"': "address = { column = 'ADDRESS', pattern = '(?=a)(b)' }",
    "unpivot = '^(GENERAL)-(\\d{2}/\\d{2}/\\d{4})$'": "unpivot = '('",
}


@pytest.mark.parametrize("right", WRONG)
def test_a_layout_of_wrong_types_is_told_what_it_takes(right):
    assert right in VOTER_LAYOUT
    with pytest.raises(LayoutError, match=r"mine\.toml.*"):
        read_layout(VOTER_LAYOUT.replace(right, WRONG[right]), "mine.toml")


LONG = {
    "20,000 letters": b"a" * 20_000, "200,000 letters": b"a" * 200_000, "200,000 columns": b"a," * 200_000,
    "long names": (b"x" * 250 + b",") * 250, "carriage returns": b"a,b\r" * 100_000, "blanks": b" " * 60_000 + b"x",
}  # fmt: skip


@pytest.mark.parametrize("how", LONG)
def test_a_long_first_line_is_refused_soon(tmp_path, how):
    layouts = write_campaign(tmp_path)
    (tmp_path / "exports" / "long_20121001.csv").write_bytes(LONG[how] + b"\n1\n" * ("carriage" not in how))
    began = time.monotonic()
    with pytest.raises(LayoutError, match="fits no layout"):
        build(tmp_path, layouts)
    assert time.monotonic() - began < MOST_SECONDS
    (tmp_path / "exports" / "long_20121001.csv").unlink()
    (tmp_path / "exports" / "long_20121001.csv.gz").write_bytes(gzip.compress(b"a" * 300_000))
    with pytest.raises(LayoutError, match="fits no layout"):
        build(tmp_path, layouts)
    assert time.monotonic() - began < 2 * MOST_SECONDS


def test_a_name_that_is_no_utf_8_is_shown_as_bytes(tmp_path):
    layouts = write_campaign(tmp_path)
    os.rename(
        os.fsencode(tmp_path / "exports" / "voters_20121001.csv"),
        os.fsencode(tmp_path / "exports") + b"/voters_\xff_20121001.csv",
    )
    with build(tmp_path, layouts) as megafile:
        assert "voters_\\xff_20121001.csv" in megafile.sources["file"].to_list()


# The system says no


def test_a_file_that_may_not_be_read_is_one_clear_error(tmp_path, monkeypatch):
    layouts = write_campaign(tmp_path)
    opened = Path.open

    def forbid(self, *args, **options):
        if self.name == "gifts.csv":
            raise PermissionError(errno.EACCES, "Permission denied")
        return opened(self, *args, **options)

    monkeypatch.setattr(Path, "open", forbid)
    with pytest.raises(LayoutError, match=r"gifts\.csv may not be read"):
        build(tmp_path, layouts)
    assert not list(tmp_path.glob("*.duckdb*"))


def test_a_place_that_can_t_be_written_is_one_clear_error(tmp_path):
    layouts = write_campaign(tmp_path)
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(RefreshRefused, match="can't be written"):
        Megafile.build(tmp_path / "exports", tmp_path / "file" / "c.duckdb", layouts=layouts, progress=False)
    (tmp_path / "folder.duckdb").mkdir()
    with pytest.raises(RefreshRefused, match="can't be written"):
        Megafile.build(tmp_path / "exports", tmp_path / "folder.duckdb", layouts=layouts, model=False, progress=False)
    with pytest.raises(BadValue, match="can't be opened"):
        Megafile.open(tmp_path / "folder.duckdb")


@pytest.mark.slow
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"),
                                   duckdb.IOException("IO Error: No space left on device")])  # fmt: skip
def test_a_full_disk_is_one_clear_error_in_a_build_and_leaves_what_stood(tmp_path, monkeypatch, error):
    layouts = write_campaign(tmp_path)
    build(tmp_path, layouts).close()
    before = (tmp_path / "c.duckdb").read_bytes()

    def full(*_):
        raise error

    monkeypatch.setattr(replacing, "_sync", full)
    with pytest.raises(RefreshRefused, match="is full"):
        build(tmp_path, layouts)
    assert (tmp_path / "c.duckdb").read_bytes() == before
    assert [p.name for p in tmp_path.glob("*c.duckdb*")] == ["c.duckdb"]


LIMITED = """
import resource, sys, campaignkit
from campaignkit import cli
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("command", ["build", "refresh"])
def test_a_disk_that_takes_no_more_is_one_clear_error(tmp_path, whole, command):
    assert resource.RLIMIT_FSIZE
    layouts = write_campaign(tmp_path)
    path, exports = tmp_path / "c.duckdb", tmp_path / "exports"
    if command == "refresh":
        path.write_bytes(whole.read_bytes())
        (exports / "gifts.csv").write_text(GIFTS.replace("g4", "g5"), encoding="utf-8")
    own = [f"--layout={layout}" for layout in layouts]
    ran = subprocess.run(
        [sys.executable, "-c", LIMITED, command, str(exports), str(path), *own],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ran.returncode == 1
    assert "campaignkit: " in ran.stderr
    assert "Traceback" not in ran.stderr
    assert path.exists() == (command == "refresh")


def test_a_log_that_can_t_be_written_or_read_is_one_clear_error(megafile):
    log = log_path(megafile.path)
    log.write_text('[1]\n{"rows": "x"}\nnull\n\ufffd\n', encoding="utf-8")
    assert read_export_log(megafile.path).is_empty()
    log.unlink()
    log.mkdir()
    manifest = {"exported_at": "2012-10-01T10:00:00+00:00", "channel": "mail", "purpose": "turnout", "universe": "all",
                "rows": 1, "files": [{"name": "list.csv", "sha256": ""}]}  # fmt: skip
    with pytest.raises(RefreshRefused, match=r"can't be written.*list\.csv"):
        append_export_log(megafile.path, manifest)
    with pytest.raises(BadValue, match="can't be read"):
        _ = megafile.exports


# A damaged megafile


def use(megafile):
    """Ask a megafile everything that reads it."""
    repr(megafile)
    for ask in (
        lambda: megafile.sources,
        lambda: megafile.rejects,
        lambda: megafile.check(),
        lambda: megafile.universe("age > 30").count(),
        lambda: megafile.universe("donor").by("sex"),
        lambda: megafile.universe().call_list("mail", "turnout"),
        lambda: megafile.explain(1),
        lambda: [megafile.sql(f'SELECT * FROM "{name}"') for name in megafile.tables],
    ):
        ask()


@pytest.mark.parametrize("seed", range(30))
def test_no_damaged_megafile_traces_back(tmp_path, whole, seed):
    rng = random.Random(f"megafile {seed}")
    data = bytearray(whole.read_bytes())
    if seed % 5 == 0:
        del data[rng.randrange(len(data)) :]
    for _ in range(rng.choice([1, 10, 100])):
        data[rng.randrange(3 * 4096 if seed % 3 == 0 else len(data)) % max(len(data), 1)] = rng.randrange(256)
    path = tmp_path / "c.duckdb"
    path.write_bytes(data)
    began = time.monotonic()
    try:
        with Megafile.open(path) as megafile:
            use(megafile)
    except CampaignkitError:
        pass
    assert time.monotonic() - began < 4 * MOST_SECONDS


def test_a_refresh_of_a_damaged_megafile_is_one_clear_error(tmp_path, whole, capsys):
    data = bytearray(whole.read_bytes())
    data[len(data) // 3 :] = bytes(len(data) - len(data) // 3)
    path = tmp_path / "c.duckdb"
    path.write_bytes(data)
    layouts = write_campaign(tmp_path)
    assert cli.main(["refresh", str(tmp_path / "exports"), str(path), f"--layout={layouts[0]}"]) == 1
    assert "can't be" in capsys.readouterr().err


# Ctrl-C


def test_ctrl_c_in_a_long_query_is_seen_within_two_seconds(megafile):
    pressed = []

    def press():
        pressed.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # pytest's parallel workers ignore it
    timer = threading.Timer(0.7, press)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        megafile.sql("SELECT count(*) FROM range(5_000_000_000) t(i) WHERE hash(i) % 7 = 3")
    assert time.monotonic() - pressed[0] < 2
    signal.signal(signal.SIGINT, before)
    assert megafile.sql("SELECT 1 AS one").item() == 1


def test_no_connection_fetches_or_loads_an_extension(megafile):
    settings = "SELECT current_setting('autoload_known_extensions'), current_setting('autoinstall_known_extensions')"
    with connect() as con:
        assert con.execute(settings).fetchone() == (False, False)
    assert megafile.sql(settings).row(0) == (False, False)
