"""Files of patterns that nbval would take in silence."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from polly_magic.errors import UsageError
from polly_magic.reproduce.sanitizing import OWN_PATTERNS, read_patterns

if TYPE_CHECKING:
    from pathlib import Path


def test_good_patterns_are_those_that_nbval_finds(tmp_path: Path) -> None:
    from nbval.plugin import get_sanitize_patterns

    path = tmp_path / "patterns"
    text = "[times]\nregex: \\d\\d:\\d\\d\nreplace: TIME\n\n# é\nregex: (a)(b)\nreplace: \\2\\1"
    path.write_text(text, "utf-8")
    found = get_sanitize_patterns(OWN_PATTERNS + read_patterns(path))
    assert found[1:] == [("\\d\\d:\\d\\d", "TIME"), ("(a)(b)", "\\2\\1")]
    ours, instead = found[0]
    said = "1\nThis kernel runs in 16june@5747316, as the notebook needs.\n2\n"
    assert re.sub(ours, instead, said) == "1\n<the pin's line>\n2\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has none."),
        ("just words", "has none."),
        ("regex: (\nreplace: x", "line 1: missing ), unterminated subpattern at position 0 in 'regex: ('"),
        ("# one\nregex: a\nreplace: \\1", "line 2: invalid group reference 1"),
        ("regex: a\n\nreplace: b", "line 1: a regex needs a line 'replace: ...' right below it"),
        ("regex: a", "line 1: a regex needs a line"),
        ("regex: a\nreplace: b\nreplace: c", "line 3: a replace needs a line 'regex: ...' right above it"),
    ],
)
def test_wrong_pattern_is_refused_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "patterns"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_patterns(path)
    assert said in caught.value.problem
    assert caught.value.remedy


def test_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"regex: \xe9")
    for name, said in (("none", "No such file"), ("", "Is a directory"), ("latin", "utf-8"), ("a\0b", "null byte")):
        with pytest.raises(UsageError, match=f"cannot be read: .*{said}"):
            read_patterns(tmp_path / name)
