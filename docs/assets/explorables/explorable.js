// What all explorables share: controls with labels, units, ticks and a value in words; one sentence
// that follows the state, for eyes at once and for screen readers when the hand rests; a button that
// starts again; the state in the address. A subclass declares its controls and draws.
//
//   class Example extends Explorable {
//     static title = "…";                        // names the picture
//     static height = { wide: 320, narrow: 420 } // of the picture, whose width is 680 or 340
//     static data = "training";                  // optional: assets/data/explorables/training.json
//     controls() { return [range({ name, label, … }), choice({ … }), toggle({ … })]; }
//     draw(state, { wide, data }) { return { marks: [SVG nodes], says: "One sentence." }; }
//   }

import { node } from "./plot.js";

const SPEAK_AFTER = 500; // ms of rest before the live region speaks, and before the address is written
const NARROW = 600; // px of column, as in the stylesheet: below, the parts of a picture stack

// Controls. `start` is the value at first; `words(value, state)` says it in words, unit included;
// where `off(state)` holds, the control has nothing to control and is not shown.
export const range = (spec) => ({ kind: "range", ...spec });
export const choice = (spec) => ({ kind: "choice", ...spec });
export const toggle = (spec) => ({ kind: "toggle", start: false, ...spec });

function html(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

export class Explorable extends HTMLElement {
  async connectedCallback() {
    if (this.live) return this.watch();
    const { data } = this.constructor;
    if (data) {
      // Without its data the static figure stays; that is what it is there for.
      const address = new URL(`../data/explorables/${data}.json`, import.meta.url);
      const answer = await fetch(address).catch(() => null);
      if (!answer?.ok || !this.isConnected) return;
      this.data = await answer.json();
    }
    if (this.live) return;
    this.specs = this.controls();
    this.start = Object.fromEntries(this.specs.map((spec) => [spec.name, spec.start]));
    for (const spec of this.specs) this.adopt(spec, this.getAttribute(spec.name), this.start);
    this.state = { ...this.start };
    const asked = new URLSearchParams(location.search);
    for (const spec of this.specs) this.adopt(spec, asked.get(spec.name), this.state);
    this.build();
    this.update();
    this.setAttribute("data-on", "");
    this.watch();
  }

  disconnectedCallback() {
    clearTimeout(this.resting);
    this.sized?.disconnect();
  }

  watch() {
    this.sized = new ResizeObserver(() => {
      if (this.wide !== this.offsetWidth >= NARROW) this.update();
    });
    this.sized.observe(this);
  }

  // Take a value written as text, where it is one that the control can have.
  adopt(spec, text, state) {
    if (text === null) return;
    if (spec.kind === "toggle") state[spec.name] = text === "1";
    else if (spec.kind === "choice") {
      if (spec.options.some(([value]) => value === text)) state[spec.name] = text;
    } else {
      const value = Number(text);
      const listed = spec.values ? spec.values.includes(value) : value >= spec.min && value <= spec.max;
      if (text.trim() !== "" && listed) state[spec.name] = value;
    }
  }

  build() {
    const id = `${this.localName}-${[...document.querySelectorAll(this.localName)].indexOf(this)}`;
    this.picture = node("svg", { role: "img", "aria-labelledby": `${id}-title`, "aria-describedby": `${id}-desc` });
    this.says = html("p", { class: "ex-says" });
    this.spoken = html("p", { class: "ex-spoken", "aria-live": "polite" });
    this.described = node("desc", { id: `${id}-desc` });
    this.titled = node("title", { id: `${id}-title` }, this.constructor.title);
    const again = html("button", { type: "button", class: "ex-again" }, "Start again");
    again.addEventListener("click", () => {
      this.state = { ...this.start };
      this.changed();
      this.live.querySelector("input, select").focus();
    });
    this.fields = this.specs.map((spec) => FIELDS[spec.kind](this, spec, `${id}-${spec.name}`));
    const controls = html("div", { class: "ex-controls", role: "group", "aria-label": this.constructor.title });
    controls.append(...this.fields.map((field) => field.box), again);
    this.live = html("div", { class: "ex-live" }, this.picture, this.says, this.spoken, controls);
    this.prepend(this.live);
  }

  set(name, value) {
    this.state[name] = value;
    this.changed();
  }

  // A change by hand: draw at once; speak and write the address when the hand rests.
  changed() {
    this.update();
    clearTimeout(this.resting);
    this.resting = setTimeout(() => {
      this.spoken.textContent = this.says.textContent;
      this.remember();
    }, SPEAK_AFTER);
  }

  remember() {
    const url = new URL(location.href);
    for (const { name } of this.specs) {
      const value = this.state[name];
      if (value === this.start[name]) url.searchParams.delete(name);
      else url.searchParams.set(name, typeof value === "boolean" ? Number(value) : value);
    }
    if (url.href !== location.href) history.replaceState(history.state, "", url);
  }

  update() {
    this.wide = this.offsetWidth >= NARROW;
    this.fields.forEach((field, k) => {
      field.box.hidden = this.specs[k].off?.(this.state) ?? false;
      field.show(this.state);
    });
    const [width, height] = this.wide
      ? [680, this.constructor.height.wide]
      : [340, this.constructor.height.narrow];
    const { marks, says } = this.draw(this.state, { wide: this.wide, data: this.data });
    this.picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.picture.style.aspectRatio = `${width} / ${height}`;
    this.described.textContent = says;
    this.picture.replaceChildren(this.titled, this.described, ...marks);
    this.says.textContent = says;
  }
}

const FIELDS = { range: rangeField, choice: choiceField, toggle: toggleField };

function rangeField(owner, spec, id) {
  const { name, values } = spec;
  const [min, max, step] = values ? [0, values.length - 1, 1] : [spec.min, spec.max, spec.step];
  const input = html("input", { type: "range", id, min, max, step });
  const output = html("output", { for: id, "aria-live": "off" });
  const place = (value) => (values ? values.indexOf(value) : value);
  const ticks = spec.ticks.map(([value, text]) => {
    const tick = html("span", {}, text);
    tick.style.setProperty("--at", (place(value) - min) / (max - min));
    return tick;
  });
  input.addEventListener("input", () => {
    const value = Number(input.value);
    owner.set(name, values ? values[value] : value);
  });
  const box = html(
    "div",
    { class: "ex-control" },
    html("label", { for: id }, spec.label),
    output,
    input,
    html("div", { class: "ex-ticks", "aria-hidden": "true" }, ...ticks),
  );
  const show = (state) => {
    const words = spec.words(state[name], state);
    input.value = place(state[name]);
    input.style.setProperty("--at", (place(state[name]) - min) / (max - min));
    if (input.getAttribute("aria-valuetext") !== words) input.setAttribute("aria-valuetext", words);
    output.textContent = words;
  };
  return { box, show };
}

function choiceField(owner, { name, label, options }, id) {
  const select = html("select", { id }, ...options.map(([value, text]) => html("option", { value }, text)));
  select.addEventListener("change", () => owner.set(name, select.value));
  const box = html("div", { class: "ex-control ex-choice" }, html("label", { for: id }, label), select);
  const show = (state) => (select.value = state[name]);
  return { box, show };
}

function toggleField(owner, { name, label }, id) {
  const input = html("input", { type: "checkbox", id });
  input.addEventListener("change", () => owner.set(name, input.checked));
  const box = html("div", { class: "ex-control ex-toggle" }, input, html("label", { for: id }, label));
  const show = (state) => (input.checked = state[name]);
  return { box, show };
}

export const define = (name, element) => customElements.get(name) || customElements.define(name, element);
