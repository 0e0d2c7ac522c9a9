"""`reluguide new-question "..."`: the five files of a question, with a tiny experiment that already passes.

The templates stand in `templates/question`. What they hold is an example to be replaced, small enough to be read first: one experiment, one fact, one
figure, one claim, one snippet, one test.
"""

import argparse
import re
import sys
from pathlib import Path
from string import Template

from reluguide.evidence import claims
from reluguide.evidence.claim import known
from reluguide.evidence.guide import Guide, here

TEMPLATES = Path(__file__).parent / "templates" / "question"
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
        guide.page(module): "page.md",
        guide.source / "experiments" / f"{module}.py": "experiments",
        guide.source / "findings" / f"{module}.py": "findings",
        guide.snippets / module / "first.py": "snippet",
        root / "tests" / "questions" / f"test_{module}.py": "test",
    }
    if taken := [guide.relative(path) for path in files if path.exists()]:
        raise ValueError(f"{taken[0]} exists already; choose another name with --slug")
    words = {"title": title, "module": module, "slug": slug, "claim": _next_claim(guide)}
    for path, template in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        text = (TEMPLATES / f"{template}.txt").read_text(encoding="utf-8")
        path.write_text(Template(text).substitute(words), encoding="utf-8")
    return [*files, *_listed(root / "mkdocs.yml", slug)]


def _slug(title: str) -> str:
    return "-".join(re.findall(r"[a-z0-9]+", title.lower().replace("'", "").replace("’", "")))


def _next_claim(guide: Guide) -> str:
    """The first number above every claim that a page judges."""
    numbers = [claims.order(id)[1] for id in known(guide)]
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
