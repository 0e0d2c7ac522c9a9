// What the theme leaves out for readers who use a keyboard or a screen reader. Pages come and go
// without a reload, so it runs again for each page; document$ is the theme's stream of pages.

const named = (elements, word) =>
  elements.forEach((element, i) => element.setAttribute("aria-label", `${word} ${i + 1}`));

// A region that scrolls sideways must take the keyboard's focus, and then needs a name; one that
// fits must not be a stop on the way.
function focusable(region, name) {
  if (region.scrollWidth > region.clientWidth) {
    region.tabIndex = 0;
    region.setAttribute("role", "region");
    region.setAttribute("aria-label", name);
  } else {
    for (const attribute of ["tabindex", "role", "aria-label"]) region.removeAttribute(attribute);
  }
}

const watcher = new ResizeObserver((entries) => {
  for (const { target } of entries) focusable(target, target.dataset.name);
});

function improve() {
  watcher.disconnect();
  const all = (selector) => [...document.querySelectorAll(selector)];
  named(all("nav.md-code__nav"), "Code block");
  const regions = [
    ...all(".md-typeset__scrollwrap").map((region) => [region, "Table"]),
    ...all(".md-typeset p:has(> img[src$='.svg'])").map((region) => [region, "Picture"]),
  ];
  regions.forEach(([region, word], i) => {
    region.dataset.name = `${word} ${i + 1}, scrolls sideways`;
    watcher.observe(region);
  });
}

window.document$.subscribe(improve);
