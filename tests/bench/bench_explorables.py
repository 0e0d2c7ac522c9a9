"""What an explorable costs in the browser: a redraw, and a whole training run.

    python -m tests.bench.bench_explorables

A redraw is one input event of a slider, picture, sentence and labels included; a screen that refreshes
60 times a second leaves 16 ms for it, the guide's own limit is 4. The training run is the 300 steps that
the learning-rate explorable computes anew at each move of its slider; the limit is 50 ms. Medians of
one page's event loop; a busy machine makes them larger.
"""

import functools
import http.server
import shutil
import tempfile
import threading
from pathlib import Path

from playwright.sync_api import sync_playwright

from reluguide.evidence import conclude, record
from reluguide.evidence.guide import Guide
from reluguide.evidence.lookup import Evidence
from reluguide.publish import site

ROOT = Path(__file__).parents[2]
TAGS = ("relu-slope", "relu-die", "relu-pair", "relu-build", "relu-compare", "relu-crowd")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")

REDRAW = """async (tag) => {
    const box = document.querySelector(tag);
    const slider = [...box.querySelectorAll('input[type=range]')].find((one) => one.checkVisibility());
    const times = [];
    for (let k = 0; k < 200; k++) {
        const share = (k % 20) / 19;
        slider.value = Number(slider.min) + share * (slider.max - slider.min);
        const before = performance.now();
        slider.dispatchEvent(new Event('input'));
        box.getBoundingClientRect();
        times.push(performance.now() - before);
        if (k % 20 === 0) await new Promise(requestAnimationFrame);
    }
    times.sort((a, b) => a - b);
    return [times[100], times[189]];
}"""

TRAIN = """async () => {
    const { train } = await import('/assets/explorables/maths.js');
    const data = await (await fetch('/assets/data/explorables/training.json')).json();
    const times = data.rates.flatMap((rate) => data.starts.map((start) => {
        const before = performance.now();
        train({ ...data, start, rate });
        return performance.now() - before;
    }));
    times.sort((a, b) => a - b);
    return [times[times.length >> 1], times.at(-1)];
}"""


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


def main() -> None:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        print("no browser on this machine: the explorables were not measured")
        return
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        page_at(Path(folder))
        handler = functools.partial(_Quiet, directory=folder)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = driver.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1000, "height": 800})
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        for tag in TAGS:
            page.locator(f"{tag}[data-on]").wait_for()
            median, slow = page.evaluate(REDRAW, tag)
            print(f"{tag:13} redraw {median:5.2f} ms, slowest of 20: {slow:5.2f} ms (limit 4)")
        median, worst = page.evaluate(TRAIN)
        print(f"{'training':13} run of 300 steps {median:5.2f} ms, slowest {worst:5.2f} ms (limit 50)")
        browser.close()
        server.shutdown()


def page_at(folder: Path) -> None:
    """A bare page with all explorables, their data, and the one stylesheet."""
    shutil.copytree(ROOT / "docs" / "assets", folder / "assets")
    guide = Guide(ROOT)
    measured, _ = record.measure(guide, "explorables", "cpu")
    found = conclude.conclude(guide, "explorables", measured)
    for address, content in site.generated(Evidence({"explorables": found})).items():
        (folder / address).parent.mkdir(parents=True, exist_ok=True)
        (folder / address).write_text(content, encoding="utf-8")
    scripts = "".join(f'<script type="module" src="/assets/explorables/{tag}.js"></script>' for tag in TAGS)
    boxes = "".join(f"<{tag}></{tag}>" for tag in TAGS)
    (folder / "index.html").write_text(
        '<!doctype html><meta charset="utf-8"><title>Bench</title><link rel="stylesheet" href="/assets/site.css">'
        f'<body data-md-color-scheme="default"><article class="md-content__inner md-typeset">{boxes}</article>{scripts}',
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
