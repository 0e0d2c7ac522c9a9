// What the theme leaves out for readers who use a keyboard or a screen reader, and what the ledger of
// claims needs. Pages come and go without a reload, so it runs again for each page; document$
// is the theme's stream of pages.

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
  all(".md-typeset__scrollwrap").forEach((region, i) => {
    region.dataset.name = `Table ${i + 1}, scrolls sideways`;
    watcher.observe(region);
  });
}

// The ledger stands there whole; this shows its form and hides the claims that were not chosen.
function choose(form) {
  const claims = [...document.querySelectorAll("section.claim")];
  form.hidden = false;
  form.addEventListener("change", () => {
    const { verdict, page } = Object.fromEntries(new FormData(form));
    for (const claim of claims)
      claim.hidden = (verdict && claim.dataset.verdict !== verdict) || (page && claim.dataset.page !== page);
    const shown = claims.filter((claim) => !claim.hidden).length;
    form.querySelector("output").textContent = shown === 1 ? "1 claim" : `${shown} claims`;
  });
}

// A link to a claim still holds when the claim has moved to another page: the ledger has them all.
function follow() {
  const ledger = new URL(`${JSON.parse(document.getElementById("__config").textContent).base}/questions/claims/`, location);
  const gone = /^#c\d+[a-z]?$/.test(location.hash) && !document.getElementById(location.hash.slice(1));
  if (gone && location.pathname !== ledger.pathname) location.replace(ledger.href + location.hash);
}

window.document$.subscribe(() => {
  improve();
  follow();
  document.querySelectorAll("form.filter").forEach(choose);
});
