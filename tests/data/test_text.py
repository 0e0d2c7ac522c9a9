"""The characters of a package's sources: windows, what follows them, and files that are only tested on."""

import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reluguide.data import VOCABULARY, MissingExtraError, MissingFilesError, Text, sources, text
from reluguide.sweep import sweep

SEEDS = range(4)


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[dict[str, bytes]], None]]:
    """A networkx of the given files in place of the real one."""

    def install(files: dict[str, bytes]) -> None:
        for name, content in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(content)
        module = types.ModuleType("networkx")
        module.__file__, module.__version__ = str(tmp_path / "__init__.py"), "9.8"  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "networkx", module)

    sources._sources.cache_clear()
    yield install
    sources._sources.cache_clear()


@pytest.mark.parametrize("seed", SEEDS)
def test_y_is_x_one_character_further_on(seed: int) -> None:
    words = text(50, context=20, test_samples=30, seed=seed)
    assert words.test_x is not None and words.test_y is not None and words.context == 20
    for x, y, count in ((words.x, words.y, 50), (words.test_x, words.test_y, 30)):
        assert x.shape == y.shape == (count, 20) and x.dtype == y.dtype == torch.int64
        assert torch.equal(x[:, 1:], y[:, :-1])
        assert x.min() >= 0 and y.max() < len(VOCABULARY)
    again, other = text(50, context=20, seed=seed), text(50, context=20, seed=seed + 1)
    assert torch.equal(again.x, words.x) and not torch.equal(other.x, words.x) and again.test_x is None


def test_windows_are_pieces_of_the_sources_of_the_version_that_is_named() -> None:
    import networkx

    words = text(20, context=40)
    assert (words.package, words.version) == ("networkx", networkx.__version__)
    folder = Path(networkx.__file__).parent
    everything = "\0".join(path.read_bytes().decode() for path in sorted(folder.rglob("*.py")))
    known = "".join(one if one in VOCABULARY[:-1] else sources.OTHER for one in everything)
    found = [words.read(row) in known for row in words.x]
    assert sum(found) >= 18  # a window may reach from one file into the next
    assert "import" in words.read(text(2000, context=40).x.flatten())


def test_tokens_are_the_printable_characters_and_one_for_the_others(
    package: Callable[[dict[str, bytes]], None],
) -> None:
    assert len(set(VOCABULARY)) == 97
    package({"a.py": "ä = 'x\t~'\r\n中".encode(), "b.py": b"0" * 99, "tests/test_a.py": b"no" * 99})
    version, files = sources._sources()
    assert version == "9.8" and len(files) == 2  # tests are left out
    read = "".join(VOCABULARY[token] for token in files[0].tolist())
    assert read == f"{sources.OTHER} = 'x{sources.OTHER}~'\n{sources.OTHER}"


@pytest.mark.parametrize("seed", range(8))
def test_what_is_tested_on_comes_of_files_that_nothing_is_trained_on(
    package: Callable[[dict[str, bytes]], None], seed: int
) -> None:
    marks = "abcdefghijklmnopqrst"
    package({f"{one}.py": one.encode() * 50 for one in marks})
    words = text(500, context=9, test_samples=500, test_share=0.3, seed=seed)
    assert words.test_x is not None and words.test_y is not None
    trained = set(words.read(words.x.flatten()) + words.read(words.y.flatten()))
    tested = set(words.read(words.test_x.flatten()) + words.read(words.test_y.flatten()))
    assert not trained & tested and trained | tested == set(marks)
    assert len(tested) in (6, 7)
    more = text(800, context=9, test_samples=500, test_share=0.3, seed=seed)
    assert more.test_x is not None and torch.equal(more.test_x, words.test_x)


@settings(max_examples=50, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 50), min_size=2, max_size=12).filter(any),
    share=st.floats(0.01, 0.99),
    seed=st.integers(0, 99),
)
def test_the_parts_hold_all_files_and_their_share(lengths: list[int], share: float, seed: int) -> None:
    files = tuple(torch.full((length,), k, dtype=torch.uint8) for k, length in enumerate(lengths))
    tested, trained = sources._parts(files, share, torch.Generator().manual_seed(seed))
    assert sorted([*tested.tolist(), *trained.tolist()]) == torch.cat(files).tolist()
    assert not set(tested.tolist()) & set(trained.tolist())
    assert len(tested) >= share * sum(lengths) - 1e-6 or len(set(trained.tolist())) <= 1


@pytest.mark.parametrize("seed", SEEDS)
def test_rows_are_data_that_a_sweep_takes(seed: int) -> None:
    words = text(60, context=5, test_samples=30, seed=seed)
    data = words.rows()
    assert words.test_x is not None and words.test_y is not None
    assert data.test_x is not None and data.test_y is not None and data.classes == 97
    for rows, tokens, y, following in (
        (data.x, words.x, data.y, words.y),
        (data.test_x, words.test_x, data.test_y, words.test_y),
    ):
        assert rows.dtype == torch.float32 and rows.shape == (len(tokens), 5 * 97)
        hot = rows.view(len(tokens), 5, 97)
        assert torch.equal(hot.argmax(2), tokens) and ((hot > 0).sum(2) == 1).all()
        torch.testing.assert_close(rows.square().mean(1), torch.ones(len(rows)))
        assert torch.equal(y, following[:, -1])
    result = sweep([5 * 97, 8, 97], data=data, seeds=[0], lr=0.1, steps=2)
    assert not result.diverged.any()
    assert text(20, context=5).rows().test_x is None


def test_a_small_network_guesses_better_than_the_most_common_character() -> None:
    data = text(3000, context=6, test_samples=1000, seed=2).rows()
    assert data.test_y is not None
    common = (data.test_y == data.y.mode().values).float().mean()
    result = sweep(
        [6 * 97, 32, 97], data=data, seeds=[0, 1], lr=0.003, optimizer="adam", batch_size=50, steps=400
    )
    assert (result.test_accuracy > float(common) + 0.1).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: text(1), "samples is 1; it must be at least 2"),
        (lambda: text(8, test_samples=-2), "test_samples is -2"),
        (lambda: text(8, context=0), "context is 0; a window has at least 1 character"),
        (lambda: text(8, context=10**8), r"context is 100000000; the part of the text to train on has \d+ "),
        (lambda: text(8, test_share=1.0), "test_share is 1.0; it is a share, above 0 and below 1"),
    ],
)
def test_errors_name_the_argument_and_its_value(make: Callable[[], Text], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.usefixtures("package")
def test_without_networkx_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "networkx", None)
    with pytest.raises(MissingExtraError, match=r"sources of NetworkX.*pip install networkx"):
        text(8)


@pytest.mark.parametrize("files", [{"__init__.pyc": b"0"}, {"__init__.py": b"", "a.py": b""}])
def test_without_its_sources_it_says_where_it_looked(
    package: Callable[[dict[str, bytes]], None], tmp_path: Path, files: dict[str, bytes]
) -> None:
    package(files)
    with pytest.raises(MissingFilesError, match="compiled files") as caught:
        text(8)
    assert str(tmp_path) in str(caught.value)


def test_repr_says_what_it_is() -> None:
    shown = repr(text(20, context=7, test_samples=4))
    assert shown.startswith("Text('text': 20 windows of 7 characters, 4 to test, of the sources of networkx ")
    assert shown.endswith(", 97 tokens)")
