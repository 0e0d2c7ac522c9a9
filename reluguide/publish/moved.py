"""Pages that moved: what stands at an old address leads to the new one, heading included.

Which page was where is the option `moved` of the plugin in mkdocs.yml, by files in docs/.
"""

import difflib
import posixpath
from collections.abc import Collection, Mapping

from reluguide.publish.machines import absolute

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>This page has moved</title>
<link rel="canonical" href="{canonical}">
<script>location.replace("{page}" + (location.hash || "{hash}"))</script>
<meta http-equiv="refresh" content="0; url={page}{hash}">
<p>This page <a href="{page}{hash}">has moved</a>.
</html>
"""


def redirects(moved: Mapping[str, str], files: Collection[str], *, site: str) -> dict[str, str]:
    """The pages that stand at the old addresses, by their files in the built site.

    Args:
        moved: old file -> new file in docs/, with or without a heading (`questions/new.md#a-heading`).
        files: every file that the site is built from.
        site: the address of the site, ending with a slash, for the canonical address.

    Raises:
        ValueError: a page that is said to have moved is still there, or has moved to where none is.
    """
    made = {}
    for old, new in moved.items():
        file, mark, anchor = new.partition("#")
        if not old.endswith(".md"):
            raise ValueError(f"mkdocs.yml: `moved` names {old}, which is no page; pages end with .md")
        if old in files:
            raise ValueError(f"mkdocs.yml: `moved` says that {old} has moved, but docs/{old} is still there")
        if file not in files:
            near = difflib.get_close_matches(file, files, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ValueError(f"mkdocs.yml: `moved` leads from {old} to {file}, which is no page{hint}")
        folder, page = absolute(old, source="", site=""), absolute(file, source="", site="")
        up = posixpath.relpath(f"/{page}", f"/{folder}") + "/"
        made[f"{folder}index.html"] = _PAGE.format(canonical=site + page, page=up, hash=mark + anchor)
    return made
