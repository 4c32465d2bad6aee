"""What results say, compared with a plain text file: one paragraph each, written anew with WRITE_SENTENCES=1."""

import os
from collections.abc import Mapping
from pathlib import Path


def check_sentences(path: Path, sentences: Mapping[str, str]) -> None:
    text = "".join(f"{name}\n  {sentence}\n\n" for name, sentence in sentences.items())
    if os.environ.get("WRITE_SENTENCES"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
