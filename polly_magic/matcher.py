"""Tab completion of ``%polly_dockers`` in IPython, also where its value is assigned."""

from __future__ import annotations

import re
import shlex
from typing import Any

from IPython.core.completer import CompletionContext, SimpleCompletion, context_matcher

from polly_magic.completion import candidates

__all__ = ["matcher"]

_LINE = re.compile(r"\s*(?:[\w.,\[\]'\"\s]+=\s*%|%?)polly_dockers\s+(?P<words>(?:.*\s)?)(?P<prefix>\S*)")


@context_matcher(identifier="polly_magic.matcher", priority=100)  # pyright: ignore[reportUntypedFunctionDecorator]
def matcher(context: CompletionContext) -> dict[str, Any]:
    """Complete the word at the cursor; IPython splits at ``:`` and ``@``, a reference goes on past them."""
    line = _LINE.fullmatch(context.text_until_cursor)
    if line is None:
        return {"completions": []}
    try:
        words = shlex.split(line["words"])
    except ValueError:  # within a quoted text
        return {"completions": []}
    return {
        "completions": [SimpleCompletion(text, type="polly_dockers") for text in candidates(words, line["prefix"])],
        "matched_fragment": line["prefix"],
        "suppress": True,
        "ordered": True,
    }
