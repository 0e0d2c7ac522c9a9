"""Leaving out what a browser does not need changes nothing that a reader sees."""

import html
import re
from pathlib import Path

from reluguide.publish import slim

PAGE = """<ul>
    <li>one   <b>two</b>
        three</li>
</ul>
<pre><code><span class="k">if</span> <span class="n">x</span><span class="p">:</span>
    <span class="n">y</span><span class="w">  </span><span class="o">=</span> 1
</code></pre>
    <p>and
       on</p>
"""


def words(markup: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", markup))


def test_code_keeps_every_blank_and_its_colours() -> None:
    before, after = (re.search(r"<pre>.*</pre>", one, re.DOTALL) for one in (PAGE, slim.page(PAGE)))
    assert before and after
    assert words(after[0]) == words(before[0])
    assert '<span class="k">if</span>' in after[0] and '<span class="o">=</span>' in after[0]
    assert '<span class="n">' not in after[0]


def test_text_keeps_its_words_apart() -> None:
    slimmed = slim.page(PAGE)
    assert words(slimmed).split() == words(PAGE).split()
    assert "\n " not in slimmed.split("<pre>")[0]


def test_scripts_and_styles_keep_what_is_not_a_comment(tmp_path: Path) -> None:
    (tmp_path / "explorables").mkdir()
    (tmp_path / "explorables" / "one.js").write_text('// why\n  const url = "http://x"; // here\n\n  go();\n')
    (tmp_path / "site.css").write_text(
        '/* why\n   so */\np {\n  content: "/" / "";\n}\n\na b {\n  x: y;\n}\n'
    )
    (tmp_path / "favicon.svg").write_text("<svg>\n  <g/>\n</svg>")
    slim.assets(tmp_path)
    assert (tmp_path / "explorables" / "one.js").read_text() == 'const url = "http://x"; // here\ngo();\n'
    assert (tmp_path / "site.css").read_text() == 'p {\ncontent: "/" / "";\n}\na b {\nx: y;\n}\n'
    assert (tmp_path / "favicon.svg").read_text() == "<svg>\n  <g/>\n</svg>"


def test_the_theme_keeps_every_rule_for_parts_that_are_used() -> None:
    css = (
        ".md-tabs{a:b}.md-tabs,.md-nav{c:d}@media print{.md-tabs__link:hover{e:f}.md-grid{g:h}}"
        '[dir=rtl] .md-nav{i:j}:root{--md-source-icon:url("x");--md-nav-icon:url("y")}'
        "[data-md-color-primary=pink]{k:l}[data-md-color-primary=custom]{m:n}.md-nav--lifted .md-nav{o:p}"
    )
    assert slim.theme(css) == (
        ".md-tabs,.md-nav{c:d}@media print{.md-grid{g:h}}"
        ':root{--md-nav-icon:url("y")}[data-md-color-primary=custom]{m:n}'
    )
