"""What runs again and what does not; the same bytes whatever happened before; serving without loops."""

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.publish.conftest import ENVIRONMENT, Guide

COIN = "docs/questions/coin.md"
Fresh = Callable[[str], Guide]


def test_the_same_build_again_runs_nothing(guide: Guide) -> None:
    assert "2 modules reused, nothing ran" in guide.build().stdout


def test_prose_runs_nothing(guide: Guide) -> None:
    guide.change(COIN, "About half of the time", "Half of the time, or nearly so")
    assert "2 modules reused, nothing ran" in guide.build().stdout
    assert b"or nearly so" in guide.site()["questions/coin/index.html"]


def test_findings_are_redrawn_without_measuring(guide: Guide) -> None:
    before = guide.site()["figures/coin/settling.svg"]
    guide.change(
        "tinyguide/findings/coin.py",
        "axes.plot(throws.throws, throws[0])",
        "axes.plot(throws.throws, throws[1])",
    )
    told = guide.build().stdout
    assert "0 of 2 modules measured, 1 drawn" in told
    assert guide.site()["figures/coin/settling.svg"] != before


def test_an_experiment_reruns_its_module_alone(guide: Guide) -> None:
    guide.change("tinyguide/experiments/dice.py", "count=400", "count=500")
    told = guide.build().stdout
    assert "1 of 2 modules measured, 1 drawn" in told
    assert "dice: rolls" in told
    assert "coin:" not in told


def test_what_an_experiment_imports_counts_as_its_source(guide: Guide) -> None:
    guide.change("tinyguide/chance.py", "sides + 1", "1 + sides")
    assert "2 of 2 modules measured" in guide.build().stdout


EDITS = {  # what somebody saves while the experiment runs: (file, old, new)
    "the experiment itself": ("tinyguide/experiments/dice.py", "sides=6", "sides=2"),
    "what it imports": ("tinyguide/chance.py", "default_rng(seed)", "default_rng(seed + 99)"),
    "what is said of it": (
        "tinyguide/findings/dice.py",
        'fact("rolls", digits=2)',
        'fact("rolls", digits=3)',
    ),
}


@pytest.mark.parametrize("edit", EDITS)
def test_what_is_edited_while_it_runs_is_made_of_the_new_source(edit: str, guide: Guide) -> None:
    file, old, new = EDITS[edit]
    saves = f"""
    file = Path({str(guide.root / file)!r})
    file.write_text(file.read_text().replace({old!r}, {new!r}))
    means = [float(draws"""
    experiment = guide.root / "tinyguide/experiments/dice.py"
    text = experiment.read_text().replace("from tinyguide", "from pathlib import Path\n\nfrom tinyguide", 1)
    experiment.write_text(text.replace("\n    means = [float(draws", saves))
    guide.build()
    shown = guide.site()["questions/dice/index.html"]
    shutil.rmtree(guide.root / ".cache")
    guide.build()
    assert guide.site()["questions/dice/index.html"] == shown


def test_another_device_is_measured_apart(guide: Guide) -> None:
    from reluguide.evidence import store
    from reluguide.evidence.guide import Guide

    the_guide = Guide(guide.root, "tinyguide")
    sys.path.insert(0, str(guide.root))
    try:
        assert store.result_key(the_guide, "coin", "cpu") != store.result_key(the_guide, "coin", "cuda")
        assert store.findings_key(the_guide, "coin", "cpu") != store.findings_key(the_guide, "coin", "cuda")
    finally:
        sys.path.remove(str(guide.root))


def test_two_clean_builds_in_two_folders_give_the_same_bytes(fresh: Fresh) -> None:
    one, other = fresh("one"), fresh("elsewhere/other")
    one.build()
    other.build()
    assert one.site() == other.site()


def test_a_build_killed_at_any_moment_leaves_nothing_wrong(built: Guide, fresh: Fresh) -> None:
    wanted = built.site()
    moments = random.Random(0)
    for attempt in range(4):
        guide = fresh(f"killed-{attempt}")
        build = subprocess.Popen(
            [sys.executable, "-m", "mkdocs", "build", "--strict"],
            cwd=guide.root, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        time.sleep(moments.uniform(0.3, 3))
        # Even attempts kill the whole group; odd ones only the parent, as an impatient user would.
        if attempt % 2 == 0:
            os.killpg(build.pid, signal.SIGKILL)
        else:
            build.kill()
        build.wait()
        guide.build()
        assert guide.site() == wanted
        assert not list((guide.root / ".cache").rglob(".unfinished-*"))


@pytest.mark.parametrize("damage", ["truncate", "flip", "empty"])
def test_a_damaged_store_is_recomputed_and_never_published(damage: str, guide: Guide) -> None:
    wanted = guide.site()
    files = sorted((guide.root / ".cache" / "reluguide").glob("*/*.json"))
    assert len(files) == 4
    for file in files:
        content = bytearray(file.read_bytes())
        if damage == "truncate":
            del content[len(content) // 2 :]
        elif damage == "empty":
            content.clear()
        else:
            content[len(content) * 2 // 3] ^= 1
        file.write_bytes(content)
    told = guide.build().stdout
    assert "2 of 2 modules measured" in told
    assert guide.site() == wanted


def test_a_damaged_result_under_sound_findings_changes_nothing(guide: Guide) -> None:
    wanted = guide.site()
    for file in (guide.root / ".cache" / "reluguide" / "results").glob("*.json"):
        file.write_bytes(b"")
    guide.build()
    assert guide.site() == wanted


def test_the_mkdocs_process_loads_neither_torch_nor_matplotlib_nor_experiments(guide: Guide) -> None:
    code = (
        "import sys; from mkdocs.__main__ import cli; cli(['build', '--strict'], standalone_mode=False);"
        "print('loaded:', [name for name in sys.modules if name in ('torch', 'matplotlib', 'numpy') "
        "or '.experiments.' in name or '.findings.' in name])"
    )
    guide.change("tinyguide/findings/dice.py", "digits=2", "digits=1")  # with something to redraw
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=guide.root,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "loaded: []" in ended.stdout


def test_prose_mode_shows_placeholders_and_runs_nothing(fresh: Fresh) -> None:
    guide = fresh("prose")
    guide.build(RELUGUIDE_PROSE="1")
    page = guide.site()["questions/coin/index.html"].decode()
    assert "About half of the time: … here." in page
    assert b"drawn when the experiments have run" in guide.site()["figures/coin/settling.svg"]
    assert not (guide.root / ".cache" / "reluguide" / "results").exists()


def test_prose_mode_uses_what_the_store_has(guide: Guide) -> None:
    before = guide.site()
    guide.change(
        "tinyguide/experiments/coin.py", "Coins thrown many times.", "Coins thrown often."
    )  # stale now
    guide.build(RELUGUIDE_PROSE="1")
    assert guide.site()["figures/coin/settling.svg"] == before["figures/coin/settling.svg"]


def test_serving_rebuilds_once_an_edit_and_never_loops(fresh: Fresh, tmp_path: Path) -> None:
    guide = fresh("served")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path / "log"
    with log.open("w") as out:
        server = subprocess.Popen(
            [sys.executable, "-m", "mkdocs", "serve", "-a", f"127.0.0.1:{port}"],
            cwd=guide.root, env=ENVIRONMENT, stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def builds() -> int:
        return log.read_text().count("Documentation built")

    def wait(count: int) -> None:
        until = time.monotonic() + 60
        while builds() < count:
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.1)

    try:
        wait(1)
        time.sleep(2)  # a loop would show itself here
        assert builds() == 1, log.read_text()
        guide.change(COIN, "About half of the time", "Half of the time")
        wait(2)
        guide.change("tinyguide/findings/dice.py", "digits=2", "digits=1")
        wait(3)
        guide.change("tinyguide/experiments/dice.py", "count=400", "count=500")
        wait(4)
        time.sleep(2)
        told = log.read_text()
        assert builds() == 4, told
        assert told.count("nothing ran") == 1
        assert told.count("0 of 2 modules measured, 1 drawn") == 1
        assert told.count("1 of 2 modules measured, 1 drawn") == 1
    finally:
        server.terminate()
        server.wait()


def test_store_key_covers_everything_it_should(guide: Guide) -> None:
    """Each of the design's inputs of a key changes the file's name; the guide's prose does not."""

    def names() -> dict[str, str]:
        return {
            path.name.split("-")[0] + "/" + path.parent.name: path.name
            for path in sorted((guide.root / ".cache/reluguide").glob("*/*.json"), key=os.path.getmtime)
        }

    first = names()
    guide.change("tinyguide/findings/coin.py", '"""How often', '"""Just how often')
    guide.build()
    second = names()
    assert second["coin/findings"] != first["coin/findings"]
    assert {k: v for k, v in second.items() if k != "coin/findings"} == {
        k: v for k, v in first.items() if k != "coin/findings"
    }
