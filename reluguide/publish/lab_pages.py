"""A lab as a page: what mkdocs-jupyter renders, put into the site's own markup.

As it comes, a lab of two cells weighs 650 kB, most of it notebook styles; it carries scripts, prompts
("In [1]:") that fill the search, links that nobody rewrites or checks, and ids that its own table of
contents does not lead to. What is kept is the content: prose, code, outputs, pictures.
"""

import copy
import functools
import json
import posixpath
import re
from collections.abc import Callable
from html import escape, unescape
from typing import Any

from bs4 import BeautifulSoup, Tag

from reluguide.publish import pages

Notebook = dict[str, Any]


def shown(book: Notebook, lab: str) -> tuple[Notebook, dict[str, str]]:
    """The executed lab as mkdocs-jupyter is to render it, and its pictures as files of their own.

    A picture in a file is loaded when it is reached, and follows the reader's colour scheme.
    """
    book = copy.deepcopy(book)
    files: dict[str, str] = {}
    for cell in book["cells"]:
        for out in cell.get("outputs", []):
            drawn = out.get("data", {}).get("image/svg+xml")
            if drawn:
                address = f"figures/labs/{lab}-{len(files) + 1}.svg"
                files[address] = drawn
                width, height = out["metadata"]["width"], out["metadata"]["height"]
                alt = out["data"]["text/plain"].replace('"', "&quot;")
                lazy = ' loading="lazy"' if len(files) > 1 else ""
                out["data"] = {
                    "text/html": f'<img src="../../{address}" alt="{alt}" width="{width}" height="{height}"{lazy}>'
                }
                out["metadata"] = {}
    return book, files


def downloadable(book: Notebook, install: str, links: Callable[[str], str]) -> str:
    """The executed lab as an .ipynb to take away, with a cell that installs the package where it is missing.

    `links` makes the links of a text lead to the web: beside the downloaded file there is no other page.
    """
    book = copy.deepcopy(book)
    first: dict[str, Any] = {
        "cell_type": "code", "execution_count": None, "id": "cell-install", "metadata": {}, "outputs": [],
        "source": install,
    }  # fmt: skip
    book["cells"].insert(1, first)
    for one in book["cells"]:
        if one["cell_type"] == "markdown":
            one["source"] = links(one["source"])
        for out in one.get("outputs", []):
            if "image/svg+xml" in out.get("data", {}):
                out["metadata"] = {}
    return json.dumps(book, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def unwrapped(html: str, link: Callable[[str], str]) -> str:
    """The page's content from what mkdocs-jupyter made; `link` rewrites the address of a link between pages."""
    address = re.compile(r'(<a\b[^>]*?\bhref=")([^"]+)(")')
    return address.sub(
        lambda found: f"{found[1]}{escape(link(unescape(found[2])))}{found[3]}", _content(html)
    )


@functools.lru_cache(maxsize=16)
def _content(html: str) -> str:
    """The cells in the site's markup, links as they were written; kept, since most builds change no lab."""
    soup = BeautifulSoup(html, "html.parser")
    # A code cell stands within a second element of that class.
    cells = [cell for cell in soup.select("div.jp-Cell") if not cell.find_parent(class_="jp-Cell")]
    return "\n".join(part for cell in cells for part in _cell(cell))


def _cell(cell: Tag) -> list[str]:
    if "jp-MarkdownCell" in (cell.get("class") or []):
        body = cell.select_one(".jp-RenderedMarkdown, .jp-RenderedHTMLCommon")
        return [_prose(body)] if body else []
    code = cell.select_one(".jp-InputArea pre")
    parts = [_block("python", code.decode_contents().rstrip("\n"))] if code else []
    printed = ""
    for out in cell.select(".jp-OutputArea-output"):
        picture, text = out.select_one("img"), out.select_one("pre")
        if picture:
            parts += [*_printed(printed), f"<p>{picture}</p>"]
            printed = ""
        elif table := out.select_one("table"):
            parts += [*_printed(printed), str(table)]
            printed = ""
        elif text:
            printed += text.decode_contents().rstrip("\n") + "\n"
    return parts + _printed(printed)


def _printed(text: str) -> list[str]:
    return [_block("text", text.rstrip("\n"), title="Output")] if text.strip() else []


def _block(language: str, code: str, *, title: str = "") -> str:
    """A code block as Material draws it. It stays out of the search: most of a lab's code sets up and draws."""
    name = f'<span class="filename">{title}</span>' if title else ""
    return f'<div data-search-exclude class="language-{language} highlight">{name}<pre><code>{code}</code></pre></div>'


def _prose(body: Tag) -> str:
    for anchor in body.select("a.anchor-link"):
        anchor.decompose()
    for heading in body.select("h1, h2, h3, h4"):
        # The table of contents is made by Python-Markdown, whose ids these have to be.
        heading["id"] = pages.slug(heading.get_text())
        if heading.name != "h1":
            mark = BeautifulSoup("", "html.parser").new_tag(
                "a", href=f"#{heading['id']}", title="Link to this section", attrs={"class": "headerlink"}
            )
            mark.string = "#"
            heading.append(mark)
    for block in body.select("div.highlight-ipynb, div.highlight"):
        code = block.select_one("pre")
        if code:
            block.replace_with(
                BeautifulSoup(_block("python", code.decode_contents().strip("\n")), "html.parser")
            )
    return body.decode_contents().strip()


def linked(target: str, *, page: str, urls: dict[str, str]) -> str:
    """The address on the site of a link written between source files, which the guards have checked.

    `page` is the lab's path as a notebook, `urls` every page's address by its source path.
    """
    path, hash, anchor = target.partition("#")
    source = posixpath.normpath(posixpath.join(posixpath.dirname(page), path))
    if not path or source not in urls:
        return target
    return f"{posixpath.relpath(urls[source] or '.', urls[page])}/{hash}{anchor}"
