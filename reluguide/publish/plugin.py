"""The MkDocs plugin: a thin adapter. What it does is a function elsewhere in `publish`; here is only when.

It imports neither torch nor Matplotlib, nor any experiments or findings module: it reads the store, and
lets worker processes bring it up to date first. It never writes into docs/.
"""

import contextlib
import functools
import logging
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from markdown import markdown as to_html
from mkdocs.config import config_options
from mkdocs.config.base import Config
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.plugins import BasePlugin, event_priority
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page as MkDocsPage

from reluguide.device import DeviceError, kind_without_torch
from reluguide.evidence import runner
from reluguide.evidence.guide import Guide
from reluguide.evidence.record import EvidenceError
from reluguide.publish import (
    bibliography,
    glossary,
    guards,
    lab_pages,
    labs,
    ledger,
    machines,
    moved,
    notebooks,
    pages,
    project,
    render,
    site,
    slim,
)
from reluguide.publish.pages import Page, PageError
from reluguide.publish.site import Question

log = logging.getLogger("mkdocs.plugins.reluguide")


class Settings(Config):  # type: ignore[no-untyped-call]
    """Options in mkdocs.yml: the package of experiments and findings, titles still to come, pages that moved."""

    package = config_options.Type(str, default="reluguide")
    coming = config_options.ListOfItems(config_options.Type(str), default=[])
    moved = config_options.DictOfItems(config_options.Type(str), default={})


class ReluguidePlugin(BasePlugin[Settings]):  # type: ignore[no-untyped-call]
    """From the store to the site. `RELUGUIDE_PROSE=1` shows placeholders and runs nothing."""

    def on_config(self, config: MkDocsConfig) -> MkDocsConfig:
        root = Path(config.config_file_path).resolve().parent
        self.guide = Guide(root, self.config.package)
        self.prose = bool(os.environ.get("RELUGUIDE_PROSE"))
        sys.path[:0] = [] if str(root) in sys.path else [str(root)]
        project.fill_addresses(config, root)
        # Dates on the site, in the sitemap too, are those of the commit: two builds of it give the same bytes.
        self.commit = project.commit(root)
        if self.commit:
            os.environ.setdefault("SOURCE_DATE_EPOCH", str(self.commit.seconds))
        # Compiled files of the workers go where the server does not watch, or every build would cause one.
        os.environ.setdefault("PYTHONPYCACHEPREFIX", str(self.guide.cache / "compiled"))
        return config

    def on_serve(self, server: Any, *, config: MkDocsConfig, builder: Any) -> Any:
        for folder in (self.guide.source, self.guide.snippets):
            if folder.is_dir():
                server.watch(str(folder))
        return server

    def on_pre_build(self, *, config: MkDocsConfig) -> None:
        with _reported():
            self.device = None if self.prose else kind_without_torch()
            if self.device:
                log.info("%s", runner.refresh(self.guide, device=self.device, extra=labs.jobs(self.guide)))
            self.evidence = site.gather(self.guide, device=self.device)
        made = project.made_from(self.commit, config.extra["repository"], self.evidence)
        config.copyright = "<br>".join(part for part in (config.copyright, made) if part)

    @event_priority(100)  # before mkdocs-jupyter looks for what it is to render
    def on_files(self, files: Files, *, config: MkDocsConfig) -> Files:
        written = [self._page(file) for file in files.documentation_pages() if file.src_uri.endswith(".md")]
        books = [self._read(labs.source(self.guide, lab)) for lab in labs.names(self.guide)]
        _stop(guards.problems(self.guide, written, books, None if self.prose else self.evidence))
        self.questions = self._questions(files, config)
        everything = site.generated(self.evidence)
        repository = config.extra["repository"]
        with _reported():
            for one in self.questions:
                everything[notebooks.address(one)] = notebooks.notebook(
                    self.guide, one, self.questions, self.evidence, repository=repository
                )
            everything["claims.json"] = ledger.as_json(self.evidence, self.questions)
        if self.prose:
            everything = site.waiting_figures(written) | everything
        with _reported():
            everything |= moved.redirects(self.config.moved, files.src_uris, site=config.site_url or "")
            everything |= self._labs(files, config)
        for address, content in everything.items():
            files.append(File.generated(config, address, content=content))
        return files

    def _labs(self, files: Files, config: MkDocsConfig) -> dict[str, str]:
        """Put executed labs in the place of their sources; the files that come with them, by address."""
        everything: dict[str, str] = {}
        install = notebooks.install(config.extra["repository"])
        site_url = config.site_url or ""
        for lab in labs.names(self.guide):
            if source := files.get_file_from_path(f"labs/{lab}.py"):
                files.remove(source)
            book = labs.gather(self.guide, lab, device=self.device)
            page, pictures = lab_pages.shown(book, lab)
            folder = str(labs.page_source(self.guide, lab, page))
            files.append(File(f"labs/{lab}.ipynb", folder, config.site_dir, config.use_directory_urls))
            everything |= pictures
            everything[f"notebooks/{lab}.ipynb"] = lab_pages.downloadable(
                book,
                install,
                functools.partial(machines.absolute_links, source=f"labs/{lab}.ipynb", site=site_url),
            )
        return everything

    def on_page_markdown(self, markdown: str, *, page: MkDocsPage, config: MkDocsConfig, files: Files) -> str:
        source, repository = self._page(page.file), config.extra["repository"]
        up = "../" * page.file.src_uri.count("/")
        asked = [one for one in self.questions if one.source == page.file.src_uri]
        foot = notebooks.links(notebooks.address(asked[0]), repository, root=up) if asked else ""
        with _reported():
            rendered = render.render(source, self.evidence, root=up, foot=foot).markdown
            rendered = self._lists(rendered, source, repository)
        # The search finds a page by its tags too; the theme shows tags nowhere by itself.
        if words := page.meta.get("keywords"):
            page.meta["tags"] = [word.strip() for word in words.split(",")]
        if asked:
            answer = site.plain_words(site.short_answer(source, self.evidence))
            page.meta["answer"] = answer
            page.meta.setdefault("description", answer)
        if asked or page.is_homepage:
            page.meta["structured_data"] = machines.structured_data(asked or self.questions, self.evidence)
        return "\n".join(rendered.split("\n")[source.front_end :])

    def on_page_content(self, html: str, *, page: MkDocsPage, config: MkDocsConfig, files: Files) -> str:
        source = page.file.src_uri
        if not source.startswith("labs/"):
            return glossary.once(site.unsearched(html))
        urls = {file.src_uri: file.url for file in files.documentation_pages()}
        content = lab_pages.unwrapped(html, lambda target: lab_pages.linked(target, page=source, urls=urls))
        foot = notebooks.links(f"notebooks/{Path(source).name}", config.extra["repository"], root="../../")
        page.meta.setdefault("description", site.first_paragraph(content))
        return content + str(to_html(foot, extensions=["attr_list"]))

    def on_post_page(self, output: str, *, page: MkDocsPage, config: MkDocsConfig) -> str:
        return slim.page(output)

    @event_priority(-100)  # last: the search writes its index in the same event
    def on_post_build(self, *, config: MkDocsConfig) -> None:
        """What MkDocs would take for pages of its own goes straight into the built site."""
        built = Path(config.site_dir)
        slim.assets(built / "assets")
        index = built / "search" / "search_index.json"
        if index.is_file():
            index.write_text(site.search_index(index.read_text(encoding="utf-8")), encoding="utf-8")
        about = config.site_description or ""
        llms = machines.llms_txt(config.site_name, about, self.questions, self.evidence)
        (built / "llms.txt").write_text(llms, encoding="utf-8")
        for one in self.questions:
            text = machines.as_markdown(self.guide, one, self.questions, self.evidence)
            (built / one.source).write_text(text, encoding="utf-8")

    def _lists(self, markdown: str, page: Page, repository: str) -> str:
        """The places where a page stands for a list that is kept elsewhere."""
        if "<!-- questions -->" in markdown:
            index = site.question_list(self.questions, self.evidence, coming=self.config.coming)
            markdown = markdown.replace("<!-- questions -->", index)
        if "<!-- claims -->" in markdown:
            claims = ledger.listed(self.evidence, page, self.questions, repository=repository)
            markdown = markdown.replace("<!-- claims -->", claims)
        if "<!-- bibliography -->" in markdown:
            entries = bibliography.read(self.guide.docs / "reference" / "bibliography.bib")
            markdown = markdown.replace("<!-- bibliography -->", bibliography.listed(entries))
        if "<!-- glossary -->" in markdown:
            terms = glossary.read(self.guide.snippets / "glossary.md")
            markdown = markdown.replace("<!-- glossary -->", glossary.listed(terms))
        return markdown

    def _questions(self, files: Files, config: MkDocsConfig) -> list[Question]:
        """Question pages in the order of the navigation in mkdocs.yml."""
        order = project.nav_order(config.nav)
        found = [file for file in files.documentation_pages() if file.src_uri.startswith("questions/")]
        found.sort(key=lambda file: (order.get(file.src_uri, len(order)), file.src_uri))
        return [
            Question(
                self.guide.module(Path(file.src_uri)),
                file.src_uri,
                f"{config.site_url}{file.url}",
                self._page(file),
            )
            for file in found
        ]

    def _page(self, file: File) -> Page:
        path = Path(str(file.abs_src_path)) if file.abs_src_path else None
        if path is not None and self.guide.docs in path.parents:
            return self._read(path)
        return Page(file.src_uri, file.content_string)

    def _read(self, path: Path) -> Page:
        with _reported():
            return pages.read(self.guide, path)


@contextlib.contextmanager
def _reported() -> Iterator[None]:
    """What a person did wrong, as MkDocs reports it: one message, no traceback."""
    try:
        yield
    except (PageError, EvidenceError, DeviceError, FileNotFoundError, ValueError) as error:
        raise PluginError(str(error)) from None


def _stop(problems: Iterable[PageError]) -> None:
    if told := [str(problem) for problem in problems]:
        raise PluginError("\n".join(told))
