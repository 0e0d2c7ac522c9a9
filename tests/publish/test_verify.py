"""Comparing outputs: what may differ on another device, and what never may."""

import sys

import pytest

from reluguide.publish import verify
from reluguide.publish.pages import Page


@pytest.mark.parametrize(("expected", "got"), [("a 1.50\n", "a 1.50"), ("a  \nb\n\n", "a\nb\n"), ("", "")])
def test_trailing_blanks_never_count(expected: str, got: str) -> None:
    assert verify.difference(expected, got) is None


@pytest.mark.parametrize(
    ("expected", "got"), [("a 1.50\n", "a 1.51\n"), ("a\n", "b\n"), (" a\n", "a\n"), ("a\nb\n", "a\n")]
)
def test_on_the_cpu_every_digit_counts(expected: str, got: str) -> None:
    told = verify.difference(expected, got)
    assert told is not None
    assert "Expected:" in told
    assert "Got:" in told


@pytest.mark.parametrize(
    ("expected", "got", "same"),
    [
        ("loss 1.50", "loss 1.51", True), ("loss 1.50", "loss 1.52", False), ("loss -0.3", "loss -0.4", True),
        ("2 units", "3 units", False), ("1.5e-9", "1.6e-9", True), ("1.5e-9", "1.5e-8", False),
        ("a 1.5", "b 1.5", False), ("1.5", "1.50", False), ("0.99", "1.00", True), ("x 1.5 y 2", "x 1.4 y 2", True),
    ],
)  # fmt: skip
def test_elsewhere_a_decimal_may_differ_by_one_unit_of_its_last_place(
    expected: str, got: str, same: bool
) -> None:
    assert (verify.difference(expected, got, exact=False) is None) == same


def test_rewriting_touches_the_bodies_only() -> None:
    text = '# a\n\n```text title="Output"\nold\n```\n\n    ```text title="Output"\n    old\n    old\n    ```\nend\n'
    page = Page("x.md", text)
    out = verify.rewritten(page, {3: "new\nlines\n", 7: "one\n"})
    wanted = text.replace("\nold\n```\n\n", "\nnew\nlines\n```\n\n").replace(
        "    old\n    old\n", "    one\n"
    )
    assert out == wanted


def test_a_run_leaves_the_process_as_it_was(tmp_path, monkeypatch) -> None:
    import torch

    monkeypatch.chdir(tmp_path)
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    code = (
        "import torch, os\ntorch.manual_seed(1)\ntorch.set_default_dtype(torch.float64)\n"
        "torch.set_num_threads(1)\nopen('x', 'w').close()\nprint(os.listdir())\n"
    )
    assert verify.run(code, name="x.py") == "['x']\n"
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_default_dtype() == torch.float32
    assert torch.get_num_threads() == threads
    assert not list(tmp_path.iterdir())


def test_a_run_that_raises_leaves_the_process_as_it_was(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    out = sys.stdout
    with pytest.raises(ZeroDivisionError):
        verify.run("1 / 0", name="x.py")
    assert sys.stdout is out
    assert str(tmp_path) == __import__("os").getcwd()
