"""The MkDocs plugin: a thin adapter. What it does is a function elsewhere in `publish`; here is only when.

It imports neither torch nor Matplotlib, nor any experiments or findings module: it reads the store, and
lets worker processes bring it up to date first. It never writes into docs/.
"""

import logging
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mkdocs.config import config_options
from mkdocs.config.base import Config
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.plugins import BasePlugin
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page as MkDocsPage

from reluguide.device import DeviceError, kind_without_torch
from reluguide.publish import (
    bibliography,
    glossary,
    guards,
    ledger,
    machines,
    notebooks,
    pages,
    project,
    render,
    runner,
    site,
)
from reluguide.publish.house import House
from reluguide.publish.pages import Page, PageError
from reluguide.publish.site import Question
from reluguide.publish.worker import EvidenceError

log = logging.getLogger("mkdocs.plugins.reluguide")


class Settings(Config):  # type: ignore[no-untyped-call]
    """Options in mkdocs.yml: the package that holds experiments and findings, and titles still to come."""

    package = config_options.Type(str, default="reluguide")
    coming = config_options.ListOfItems(config_options.Type(str), default=[])


class ReluguidePlugin(BasePlugin[Settings]):  # type: ignore[no-untyped-call]
    """From the store to the site. `RELUGUIDE_PROSE=1` shows placeholders and runs nothing."""

    def on_config(self, config: MkDocsConfig) -> MkDocsConfig:
        root = Path(config.config_file_path).parent
        self.house = House(root, self.config.package)
        self.prose = bool(os.environ.get("RELUGUIDE_PROSE"))
        sys.path[:0] = [] if str(root) in sys.path else [str(root)]
        project.fill_addresses(config, root)
        # Dates on the site, in the sitemap too, are those of the commit: two builds of it give the same bytes.
        self.commit = project.commit(root)
        if self.commit:
            os.environ.setdefault("SOURCE_DATE_EPOCH", str(self.commit.seconds))
        # Compiled files of the workers go where the server does not watch, or every build would cause one.
        os.environ.setdefault("PYTHONPYCACHEPREFIX", str(self.house.cache / "compiled"))
        return config

    def on_serve(self, server: Any, *, config: MkDocsConfig, builder: Any) -> Any:
        for folder in (self.house.source, self.house.snippets):
            if folder.is_dir():
                server.watch(str(folder))
        return server

    def on_pre_build(self, *, config: MkDocsConfig) -> None:
        device = None if self.prose else _device()
        try:
            if device:
                log.info("%s", runner.refresh(self.house, device=device))
            self.evidence = site.gather(self.house, device=device)
        except (EvidenceError, FileNotFoundError, ValueError) as error:
            raise PluginError(str(error)) from None
        made = project.made_from(self.commit, config.extra["repository"], self.evidence)
        config.copyright = "<br>".join(part for part in (config.copyright, made) if part)

    def on_files(self, files: Files, *, config: MkDocsConfig) -> Files:
        written = [self._page(file) for file in files.documentation_pages() if file.src_uri.endswith(".md")]
        _stop(problem for page in written for problem in guards.page_problems(self.house, page))
        _stop(guards.house_problems(self.house, written))
        if not self.prose:
            _stop(guards.claim_problems(self.house, written, self.evidence))
        self.questions = self._questions(files, config)
        everything = site.generated(self.evidence)
        repository = config.extra["repository"]
        for one in self.questions:
            everything[notebooks.address(one)] = notebooks.notebook(
                self.house, one, self.questions, self.evidence, repository=repository
            )
        everything["claims.json"] = ledger.as_json(self.evidence, self.questions)
        if self.prose:
            everything = site.waiting_figures(written) | everything
        for address, content in everything.items():
            files.append(File.generated(config, address, content=content))
        return files

    def on_page_markdown(self, markdown: str, *, page: MkDocsPage, config: MkDocsConfig, files: Files) -> str:
        source, repository = self._page(page.file), config.extra["repository"]
        up = "../" * page.file.src_uri.count("/")
        asked = [one for one in self.questions if one.source == page.file.src_uri]
        foot = notebooks.links(notebooks.address(asked[0]), repository, root=up) if asked else ""
        try:
            rendered = render.render(source, self.evidence, root=up, foot=foot).markdown
            rendered = self._lists(rendered, source, repository)
        except (PageError, ValueError) as error:
            raise PluginError(str(error)) from None
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
        return glossary.once(site.unsearched(html))

    def on_post_build(self, *, config: MkDocsConfig) -> None:
        """What MkDocs would take for pages of its own goes straight into the built site."""
        built = Path(config.site_dir)
        about = config.site_description or ""
        llms = machines.llms_txt(config.site_name, about, self.questions, self.evidence)
        (built / "llms.txt").write_text(llms, encoding="utf-8")
        for one in self.questions:
            text = machines.as_markdown(self.house, one, self.questions, self.evidence)
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
            entries = bibliography.read(self.house.docs / "reference" / "bibliography.bib")
            markdown = markdown.replace("<!-- bibliography -->", bibliography.listed(entries))
        if "<!-- glossary -->" in markdown:
            terms = glossary.read(self.house.snippets / "glossary.md")
            markdown = markdown.replace("<!-- glossary -->", glossary.listed(terms))
        return markdown

    def _questions(self, files: Files, config: MkDocsConfig) -> list[Question]:
        """Question pages in the order of the navigation in mkdocs.yml."""
        order = project.nav_order(config.nav)
        found = [file for file in files.documentation_pages() if file.src_uri.startswith("questions/")]
        found.sort(key=lambda file: (order.get(file.src_uri, len(order)), file.src_uri))
        return [
            Question(
                self.house.module(Path(file.src_uri)),
                file.src_uri,
                f"{config.site_url}{file.url}",
                self._page(file),
            )
            for file in found
        ]

    def _page(self, file: File) -> Page:
        path = Path(str(file.abs_src_path)) if file.abs_src_path else None
        if path is not None and self.house.docs in path.parents:
            return pages.read(self.house, path)
        return Page(file.src_uri, file.content_string)


def _device() -> str:
    try:
        return kind_without_torch()
    except DeviceError as error:
        raise PluginError(str(error)) from None


def _stop(problems: Iterable[PageError]) -> None:
    if told := [str(problem) for problem in problems]:
        raise PluginError("\n".join(told))
