"""One look for every figure, and one SVG that serves the light and the dark scheme.

Matplotlib draws its neutral ink (text, axes, ticks, grid) in stand-in colours that no figure uses; the
saved file gets a small style sheet that names the real ones, with `prefers-color-scheme` for the dark
scheme. A browser gives an image the colour scheme of the element that shows it, so the picture follows
the theme's switch; where that is not supported it follows the system, and where styles are not read at
all the stand-ins themselves are legible on both backgrounds. Series colours need no second version:
each has a contrast of at least 3:1 on both.
"""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from xml.sax.saxutils import escape

SERIES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")  # Okabe and Ito 2008, in this order
DASHES = ("-", "--", "-.", ":")
INK, FAINT, PAPER = "#767676", "#8a8a8b", "#fefefd"  # stand-ins; INK and FAINT are readable on both grounds

_STYLE = """<style>
.ink{color:#333}.faint{color:#c9c9cc}.paper{color:#fff}
@media (prefers-color-scheme:dark){.ink{color:#d8dae0}.faint{color:#4a4d57}.paper{color:#1e2129}}
</style>"""

_RC: dict[str, Any] = {
    "figure.figsize": (7.2, 3.4),
    "figure.dpi": 100,
    "figure.constrained_layout.use": True,
    "savefig.transparent": True,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 11.5,
    "axes.titlesize": 11.5,
    "axes.labelsize": 11.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.linewidth": 0.6,
    "grid.color": FAINT,
    "lines.linewidth": 2.0,
    "lines.markersize": 5,
    "legend.frameon": False,
    "legend.fontsize": 11,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "patch.edgecolor": PAPER,
    "boxplot.flierprops.color": INK,
    "image.cmap": "cividis",
    "svg.fonttype": "none",
    "svg.hashsalt": "reluguide",
    "path.simplify": True,
}


@contextmanager
def style() -> Iterator[None]:
    """Matplotlib's settings for every figure of the site, as a context that leaves them as they were.

    Figures are drawn without a display, whatever backend the caller's own settings name; the caller's
    comes back, unless it cannot be loaded on this machine.
    """
    import matplotlib as mpl

    before = mpl.get_backend()  # which `rc_context` leaves alone
    with mpl.rc_context(settings()):
        mpl.use("agg")
        try:
            yield
        finally:
            mpl.use(before, force=False)


def settings() -> Any:
    """The site's Matplotlib settings, on top of its defaults; which backend draws is left to the caller."""
    import matplotlib as mpl
    from matplotlib.rcsetup import cycler

    keep = ("backend", "backend_fallback", "interactive")
    defaults: dict[Any, Any] = {
        name: value for name, value in mpl.rcParamsDefault.items() if name not in keep
    }
    return {**defaults, **_RC, "axes.prop_cycle": cycler(color=SERIES) + cycler(linestyle=DASHES)}


def save(figure: Any, *, name: str, title: str) -> tuple[str, int, int]:
    """The figure as SVG text with its width and height in CSS pixels; the same figure, the same bytes."""
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    width, height = (round(inches * 100) for inches in figure.get_size_inches())
    return cleaned(out.getvalue(), name=name, title=title, width=width, height=height), width, height


def cleaned(svg: str, *, name: str, title: str, width: int, height: int) -> str:
    """What Matplotlib wrote, without its baggage: own ids, coordinates of two decimals, a title, and scheme-aware ink."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r"<style[^>]*>.*?</style>", "", body, flags=re.DOTALL)  # its `*` rule would leak if inlined
    body = re.sub(r"<!--.*?-->", "", body, flags=re.DOTALL)
    body = re.sub(r"<[^>]*>", _rounded, body)
    for stand_in, role in ((INK, "ink"), (FAINT, "faint"), (PAPER, "paper")):
        body = _inked(body, stand_in, role)
    body = _own_ids(body, name)
    view = re.search(r'viewBox="([^"]+)"', body)
    root = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'width="{width}" height="{height}" viewBox="{view[1] if view else ""}" role="img" '
        f'aria-labelledby="{name}-title" stroke-linejoin="round" stroke-linecap="butt">'
        f'<title id="{name}-title">{escape(title)}</title>{_STYLE}'
    )
    body = re.sub(r"<svg[^>]*>", lambda _: root, body, count=1)
    body = re.sub(r">\s+<", "><", body)
    return re.sub(r"[ \t]*\n[ \t]*", " ", body).strip() + "\n"


def _rounded(tag: re.Match[str]) -> str:
    """Coordinates with two decimals, of curves with one: a tenth of a point is a seventh of a pixel.

    What stands between tags is text, such as a label that says 0.003, and stays.
    """
    short = re.sub(r"(-?\d+\.\d{2})\d+", r"\1", tag[0])
    return re.sub(r' d="[^"]*"', lambda path: _short_path(path[0]), short)


def _short_path(path: str) -> str:
    """One decimal, none where it is 0, and "L" once for a row of straight lines: a fifth fewer bytes."""
    path = re.sub(r"(-?\d+\.\d)\d", r"\1", path)
    path = re.sub(r"(\d)\.0(?=[ \"])", r"\1", path)
    return re.sub(
        r"(L [-\d.]+ [-\d.]+)((?: L [-\d.]+ [-\d.]+)+)", lambda row: row[1] + row[2].replace(" L ", " "), path
    )


def _inked(body: str, stand_in: str, role: str) -> str:
    """Give every element drawn in a stand-in colour that colour's class, and its colour from there."""

    def element(match: re.Match[str]) -> str:
        tag = match[0]
        if stand_in not in tag:
            return tag
        tag = tag.replace(stand_in, "currentColor")
        return tag[: len(match[1])] + f' class="{role}" color="{stand_in}"' + tag[len(match[1]) :]

    return re.sub(r"(<[a-zA-Z]+)\b[^>]*>", element, body)


def _own_ids(body: str, name: str) -> str:
    """Drop ids that nothing refers to, and prefix the rest, so that two figures never share one."""
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', body))

    def renamed(match: re.Match[str]) -> str:
        return f' id="{name}-{match[1]}"' if match[1] in used else ""

    body = re.sub(r'\sid="([^"]+)"', renamed, body)
    return re.sub(r'(url\(#|href="#)([^)"]+)', rf"\g<1>{name}-\g<2>", body)
