// Fetches an explorable's module when, and only when, its tag is on the page: now, and after each
// page that instant navigation brings. The browser then upgrades the element by itself.

const TAGS = ["relu-slope", "relu-die", "relu-pair", "relu-build", "relu-compare", "relu-crowd"];

function load() {
  for (const tag of TAGS)
    if (document.querySelector(tag) && !customElements.get(tag)) import(`./${tag}.js`);
}

window.document$.subscribe(load);
