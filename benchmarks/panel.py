"""The panel's table of 10,000 repositories, in JupyterLab: how soon it is there, and answers to a key."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.front_end import chromium, jupyter
from tests.local_service import environment

REPOSITORIES = 10_000
TYPED = "repository 0123"
ROW = "[role=grid] [role=row]:not(.polly-heading)"

VIEW = "from polly_magic.panel.repositories_view import RepositoriesView\nview = RepositoriesView()\nview"
SHOW = f"""\
from datetime import datetime, timedelta, timezone
from polly_magic.models import Repository
start = datetime(2020, 1, 1, tzinfo=timezone.utc)
view.show([
    Repository(
        f"h/o/repository-{{n:05d}}", f"The repository {{n}}", "anna@elucidata.io", start + timedelta(hours=n), "private"
    )
    for n in range({REPOSITORIES})
])"""

# The clock starts before the front end itself sees the message, and stops after the browser has drawn.
CLOCK = f"""
window.drawn = (then) => requestAnimationFrame(() => setTimeout(() => then(performance.now())));
window.WebSocket = class extends WebSocket {{
  constructor(...words) {{
    super(...words);
    this.addEventListener("message", ({{ data }}) => {{
      if ((data.byteLength ?? data.length ?? 0) > 300_000) window.arrived ??= performance.now();
    }});
  }}
}};
new MutationObserver((_, self) => {{
  if (!window.arrived || !document.querySelector("{ROW}")) return;
  self.disconnect();
  window.drawn((now) => {{ window.shown = now - window.arrived; }});
}}).observe(document, {{ childList: true, subtree: true }});
window.answers = [];
document.addEventListener("keydown", () => {{
  const pressed = performance.now();
  window.drawn((now) => window.answers.push(now - pressed));
}}, true);
"""


def measure_panel() -> None:
    """Measure in the browser, and print."""
    with tempfile.TemporaryDirectory(prefix="polly-bench-") as directory:
        home = Path(directory)
        with chromium() as browser, jupyter("lab", browser, environment(home), home / "notebooks") as server:
            shown, answers = [], []
            for _ in range(3):
                notebook = server.notebook("panel", VIEW, SHOW, script=CLOCK)
                page = notebook.page
                notebook.run(2)
                expect(page.locator(ROW).first).to_contain_text("repository-00000")
                page.wait_for_function("window.shown")
                shown.append(page.evaluate("window.shown"))
                search = page.get_by_placeholder("Search repositories")
                search.focus()
                page.evaluate("window.answers.length = 0")
                for letter in TYPED:
                    page.keyboard.press(letter if letter != " " else "Space")
                page.wait_for_function(f"window.answers.length === {len(TYPED)}")
                answers += page.evaluate("window.answers")
                expect(page.locator(ROW)).to_have_count(11)  # 00123, and 01230 to 01239
                server.close()
    print(
        f"{REPOSITORIES} repositories in the panel, from data to rows {statistics.median(shown):.0f} ms "
        f"({min(shown):.0f} to {max(shown):.0f})   aim under 1000",
        f"a key in its search, answered in {statistics.median(answers):.0f} ms "
        f"(at most {max(answers):.0f})   aim under 100",
        sep="\n",
        flush=True,
    )
