"""The MkDocs plugin: a thin adapter. What it does is a function elsewhere in `publish`; here is only when.

It imports neither torch nor Matplotlib, nor any experiments or findings module: it reads the store, and
lets worker processes bring it up to date first. It never writes into docs/.
"""

import datetime
import logging
import os
import sys
from collections.abc import Iterable, Sequence
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
from reluguide.publish import bibliography, guards, pages, project, render, runner, site
from reluguide.publish.house import House
from reluguide.publish.pages import Page, PageError
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
            seconds = datetime.datetime.fromisoformat(f"{self.commit.date}T00:00:00+00:00").timestamp()
            os.environ.setdefault("SOURCE_DATE_EPOCH", str(int(seconds)))
        # Compiled files of the workers go where the server does not watch, or every build would cause one.
        os.environ.setdefault("PYTHONPYCACHEPREFIX", str(self.house.cache / "compiled"))
        return config

    def on_serve(self, server: Any, *, config: MkDocsConfig, builder: Any) -> Any:
        for folder in (self.house.source, self.house.snippets):
            if folder.is_dir():
                server.watch(str(folder))
        return server

    def on_pre_build(self, *, config: MkDocsConfig) -> None:
        device = None
        try:
            if not self.prose:
                device = kind_without_torch()
                report = runner.refresh(self.house, device=device)
                log.info("%s", report)
            self.evidence = site.gather(self.house, device=device)
            made = project.made_from(self.commit, config.extra["repository"], self.evidence)
            config.copyright = "<br>".join(part for part in (config.copyright, made) if part)
        except (EvidenceError, DeviceError, FileNotFoundError, ValueError) as error:
            raise PluginError(str(error)) from None

    def on_files(self, files: Files, *, config: MkDocsConfig) -> Files:
        self._check(files)
        everything = site.generated(self.evidence)
        if self.prose:
            wanted = (image.src for file in files.documentation_pages() for image in self._page(file).images)
            for source in wanted:
                address = source.lstrip("./")
                if address.startswith("figures/"):
                    everything.setdefault(address, site.waiting_figure())
        for address, content in everything.items():
            files.append(File.generated(config, address, content=content))
        return files

    def on_page_markdown(self, markdown: str, *, page: MkDocsPage, config: MkDocsConfig, files: Files) -> str:
        source = self._page(page.file)
        up = "../" * page.file.src_uri.count("/")
        try:
            rendered = render.render(source, self.evidence, root=up).markdown
            rendered = self._directives(rendered, config, files)
        except (PageError, ValueError) as error:
            raise PluginError(str(error)) from None
        if source.short_answer:
            page.meta["answer"] = site.plain_words(site.short_answer(source, self.evidence))
            page.meta.setdefault("description", page.meta["answer"])
        return "\n".join(rendered.split("\n")[source.front_end :])

    def _directives(self, markdown: str, config: MkDocsConfig, files: Files) -> str:
        if "<!-- questions -->" in markdown:
            listed = [(file.src_uri, self._page(file)) for file in self._questions(config, files)]
            index = site.question_list(listed, self.evidence, coming=self.config.coming)
            markdown = markdown.replace("<!-- questions -->", index)
        if "<!-- bibliography -->" in markdown:
            entries = bibliography.read(self.house.docs / "reference" / "bibliography.bib")
            markdown = markdown.replace("<!-- bibliography -->", bibliography.listed(entries))
        return markdown

    def _questions(self, config: MkDocsConfig, files: Files) -> Sequence[File]:
        """Question pages in the order of the navigation in mkdocs.yml."""
        order = project.nav_order(config.nav)
        found = [file for file in files.documentation_pages() if file.src_uri.startswith("questions/")]
        return sorted(found, key=lambda file: (order.get(file.src_uri, len(order)), file.src_uri))

    def _check(self, files: Files) -> None:
        """The guards: all problems of the pages in one message, then those between pages, code and claims."""
        everything = [
            self._page(file) for file in files.documentation_pages() if file.src_uri.endswith(".md")
        ]
        self._stop(problem for page in everything for problem in guards.page_problems(self.house, page))
        self._stop(guards.house_problems(self.house, everything))
        if not self.prose:
            self._stop(guards.claim_problems(self.house, everything, self.evidence))

    def _stop(self, problems: Iterable[PageError]) -> None:
        if told := [str(problem) for problem in problems]:
            raise PluginError("\n".join(told))

    def _page(self, file: File) -> Page:
        path = Path(str(file.abs_src_path)) if file.abs_src_path else None
        if path is not None and self.house.docs in path.parents:
            return pages.read(self.house, path)
        return Page(file.src_uri, file.content_string)
