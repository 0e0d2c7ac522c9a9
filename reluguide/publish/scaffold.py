"""`reluguide new-question "..."`: the five files of a question, with a tiny experiment that already passes.

What they hold is an example to be replaced, small enough to be read first: one experiment, one fact, one
figure, one claim, one snippet, one test.
"""

import argparse
import re
import sys
from pathlib import Path
from string import Template

from reluguide.evidence.guide import Guide, here

_FOR_PYTHON = re.compile(r'["\\{}\n]')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("title", help='the question as a reader would ask it, in quotes: "Does it ...?"')
    parser.add_argument("--slug", help="its address and its name in five places (default: from the title)")


def run(args: argparse.Namespace) -> int:
    guide = here()
    try:
        created = new_question(args.title, guide.root, slug=args.slug)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    page = guide.relative(created[0])
    print("Created, with an example that passes:")
    print("\n".join(f"  {guide.relative(path)}" for path in created))
    print(
        f"Look at it with `make serve`; test it with `make test ARGS={page}`.\n"
        "Then replace the example: first the experiment, then what is said of it, then the page."
    )
    return 0


def new_question(title: str, root: Path, *, slug: str | None = None) -> list[Path]:
    """Create page, experiments, findings, snippet and test of a question; the paths, the page first.

    ValueError, before anything is written, where the title or the slug cannot be used or is taken.
    """
    if not (root / "mkdocs.yml").is_file():
        raise ValueError(f"{root} holds no guide: run this inside a clone of the repository.")
    if not title.endswith("?") or _FOR_PYTHON.search(title):
        raise ValueError(
            f'{title!r} must be a question, end with "?", and hold no quote, backslash or brace.'
        )
    slug = slug or _slug(title)
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", slug) or len(slug) > 30:
        raise ValueError(
            f"{slug!r} cannot be the name of five files and a web address: give a short one in small letters, "
            "begun with a letter and joined by hyphens, such as --slug why-zero"
        )
    guide, module = Guide(root), slug.replace("-", "_")
    files = {
        guide.page(module): _PAGE,
        guide.source / "experiments" / f"{module}.py": _EXPERIMENTS,
        guide.source / "findings" / f"{module}.py": _FINDINGS,
        guide.snippets / module / "first.py": _SNIPPET,
        root / "tests" / "questions" / f"test_{module}.py": _TEST,
    }
    if taken := [guide.relative(path) for path in files if path.exists()]:
        raise ValueError(f"{taken[0]} exists already; choose another name with --slug")
    words = {"title": title, "module": module, "slug": slug, "claim": _next_claim(guide)}
    for path, template in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(Template(template).substitute(words), encoding="utf-8")
    return [*files, *_listed(root / "mkdocs.yml", slug)]


def _slug(title: str) -> str:
    return "-".join(re.findall(r"[a-z0-9]+", title.lower().replace("'", "").replace("’", "")))


def _next_claim(guide: Guide) -> str:
    """The first number above every claim that a findings module declares."""
    text = "".join(path.read_text(encoding="utf-8") for path in (guide.source / "findings").glob("*.py"))
    numbers = [int(number) for number in re.findall(r'"C(\d+)"', text)]
    return f"C{max(numbers, default=0) + 1}"


def _listed(config: Path, slug: str) -> list[Path]:
    """Put the page behind the last question that the navigation names, if it names any."""
    lines = config.read_text(encoding="utf-8").splitlines(keepends=True) if config.is_file() else []
    named = [at for at, line in enumerate(lines) if re.match(r"\s+- (?:.*: )?questions/[\w-]+\.md\s*$", line)]
    if not named:
        return []
    indent = re.match(r"\s*", lines[named[-1]])
    lines.insert(named[-1] + 1, f"{indent[0] if indent else ''}- questions/{slug}.md\n")
    config.write_text("".join(lines), encoding="utf-8")
    return [config]


_PAGE = """\
---
keywords: the words that a reader would search for
---

# $title

!!! answer "Short answer"

    ReLU passes on what is positive and nothing else: of numbers spread evenly around zero, {{ $module.passed }}.

## See it

![Share of numbers that ReLU passes on: {{ $module.passed }} when they lie around zero, more when they lie above it.](../figures/$module/passed_on_by_mean.svg)

The further to the right the numbers lie, the more of them come through.

## Run it

```python
--8<-- "snippets/$module/first.py"
```

```text title="Output"
in:  [-2.0, -0.5, 0.5, 2.0]
out: [0.0, 0.0, 0.5, 2.0]
```

## How sure are we

For each of `16` seeds, `1000` normal numbers were drawn around each mean. Around zero, {{ $module.passed }} were passed
on (95 % interval {{ $module.passed | interval }}).

## Where this breaks

- Numbers that do not lie evenly around zero: the picture shows how much it matters.

## What people say

{{ claim.$claim }}

## Go further

- All the questions: [the index](../index.md)
"""

_EXPERIMENTS = '''\
"""$title What is measured for the answer."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from reluguide.device import generator
from reluguide.evidence.declare import experiment

NUMBERS = 1000
MEANS = (-1.0, 0.0, 1.0)


@dataclass
class PassedOn:
    """`share` is (seeds, means): numbers that ReLU passes on, by the mean that they were drawn around."""

    mean: list[float]
    share: list[list[float]]


@experiment(seeds=range(16))
def passed_on(*, seeds: Sequence[int], device: str) -> PassedOn:
    """Share of normal numbers that ReLU passes on, by their mean."""
    share = []
    for seed in seeds:
        z = torch.randn(NUMBERS, generator=generator(seed)).to(device)
        share.append([float((torch.relu(z + mean) > 0).float().mean()) for mean in MEANS])
    return PassedOn(list(MEANS), share)
'''

_FINDINGS = '''\
"""$title What the measurements say."""

from typing import Any

from reluguide.evidence.declare import Check, Numbers, Picture, claim, fact, figure
from reluguide.findings import _draw


@fact(unit="%", digits=0)
def passed(passed_on: Any) -> Any:
    """Normal numbers around zero that ReLU passes on."""
    return passed_on.share[:, 1]


@figure
def passed_on_by_mean(passed_on: Any) -> Picture:
    """How much ReLU passes on, by the mean of what comes in"""
    fig, axes = _draw.panels()
    _draw.band(axes, passed_on.mean, passed_on.share * 100, label="passed on")
    axes.set(xlabel="mean of the numbers", ylabel="passed on (%)", ylim=(0, 100))
    rows = [
        (f"{mean:g}".replace("-", "−"), _draw.mean_text(passed_on.share[:, i] * 100, "{:.0f} %"))
        for i, mean in enumerate(passed_on.mean)
    ]
    return Picture(fig, Numbers(("mean", "passed on (95 % interval)"), rows))


@claim(
    "$claim",
    said="ReLU lets everything through.",
    where="The title of the thread or text that says so",
    verdict="wrong",
    because="Of normal numbers around zero it passes on {passed}.",
)
def not_everything(passed_on: Any) -> Check:
    largest = passed_on.share[:, 1].max()
    return Check(bool(largest < 0.6), {"largest share passed on around zero": largest})
'''

_SNIPPET = """\
import torch

z = torch.tensor([-2.0, -0.5, 0.5, 2.0])
print("in: ", z.tolist())
print("out:", torch.relu(z).tolist())
"""

_TEST = '''\
"""$title What must hold on seeds that the page does not show."""

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture(scope="module")
def results(second_block: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    return second_block("$module")  # this also checks the claims there


def test_the_further_right_the_numbers_the_more_are_passed_on(results: dict[str, Any]) -> None:
    for left, middle, right in results["passed_on"].share:
        assert left < middle < right
'''
