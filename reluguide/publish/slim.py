"""What a browser does not need is left out of the built site: comments of our own scripts and styles,
indentation of the templates, markup of code that has no colour of its own, and the theme's rules for
parts that no page has.

A page stays under 100 kB compressed without a minifier; the readable files are the ones in `docs/assets/`.
"""

import re
from pathlib import Path

_PRE = re.compile(r"(<pre\b.*?</pre>)", re.DOTALL)
# Names, punctuation and blanks: most of all tokens, and shown in the colour of plain text.
_PLAIN = re.compile(r'<span class="(?:n|p|w)">([^<]*)</span>')

# Parts of the theme that the guide does not use: a test looks for them on every page. Scripts that run
# from right to left and the theme's ready-made colours are not used either.
UNUSED = (
    "arithmatex", "critic", "grid", "keys", "md-annotation", "md-author", "md-banner", "md-consent", "md-feedback",
    "md-header--lifted", "md-nav--lifted", "md-pagination", "md-path", "md-post", "md-profile", "md-progress",
    "md-select", "md-source", "md-status", "md-tabs", "md-version", "mermaid", "task-list", "twemoji",
)  # fmt: skip
# Kinds of boxes that no page has; their icons are as large as all the others together.
BOXES = ("abstract", "bug", "danger", "example", "failure", "quote", "success", "tip")
_UNUSED = re.compile(
    rf"\[dir=rtl\]|\[data-md-color-(?:primary|accent)=(?!custom)|\.(?:{'|'.join(UNUSED)})(?:__|--|(?![\w-]))"
)
_RULE = re.compile(r"([^{}@;]+)\{[^{}]*\}")
_ICONS = re.compile(
    rf"--md-(?:annotation|path|post|source|status|tag|tasklist|version|admonition-icon--(?:{'|'.join(BOXES)}))"
    r"""[\w-]*:url\("[^"]*"\);?"""
)


def page(html: str) -> str:
    """A page without the indentation between its tags; what stands in <pre> keeps every blank."""
    if 'class="doc ' not in html:  # the looks of docstrings, which other pages do not show
        html = re.sub(r'<link rel="stylesheet" href="[^"]*_mkdocstrings\.css">\s*', "", html)
    parts = _PRE.split(html)
    parts[0::2] = [re.sub(r"\s*\n\s*", "\n", part) for part in parts[0::2]]
    parts[1::2] = [_PLAIN.sub(r"\1", part) for part in parts[1::2]]
    return "".join(parts)


def script(text: str) -> str:
    """A module of ours without its comment lines and indentation; comments behind code stay."""
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//")) + "\n"


def style(text: str) -> str:
    """The style sheet without comments and indentation."""
    bare = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    return "\n".join(line.strip() for line in bare.splitlines() if line.strip()) + "\n"


def theme(text: str) -> str:
    """The theme's style sheet without the rules that only unused parts would follow, and their icons."""

    def rule(found: re.Match[str]) -> str:
        return "" if all(_UNUSED.search(part) for part in found[1].split(",")) else found[0]

    return _RULE.sub(rule, _ICONS.sub("", text))


def assets(folder: Path) -> None:
    """All scripts and styles in a built site's `assets/`: ours, and the theme's styles."""
    for path in folder.glob("stylesheets/*.css"):
        path.write_text(theme(path.read_text(encoding="utf-8")), encoding="utf-8")
    for path in (*folder.glob("explorables/*.js"), *folder.glob("site.*s")):
        slimmed = style if path.suffix == ".css" else script
        path.write_text(slimmed(path.read_text(encoding="utf-8")), encoding="utf-8")
