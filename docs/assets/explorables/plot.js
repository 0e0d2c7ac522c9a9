// Drawing: SVG nodes, and panels with axes. A panel maps numbers to places; everything is redrawn at
// each change, which costs a fraction of a millisecond.

const NAMESPACE = "http://www.w3.org/2000/svg";

export function node(name, attributes = {}, ...children) {
  const made = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// A number as the page writes it, with a true minus sign and no "−0.00".
export function num(value, digits = 2) {
  const text = value.toFixed(digits);
  return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "−");
}

// The same without zeros that say nothing: 2, not 2.00.
export const brief = (value, digits = 2) => num(value, digits).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");

export const percent = (share) => `${num(100 * share, 0)} %`;

const round = (value) => Math.round(value * 100) / 100;

// A rectangle of the picture: { left, top, width, height } in picture units, x and y as [low, high].
export class Panel {
  constructor({ left, top, width, height, x, y }) {
    Object.assign(this, { left, top, width, height, x, y, marks: [] });
  }

  sx(x) {
    return round(this.left + ((x - this.x[0]) / (this.x[1] - this.x[0])) * this.width);
  }

  // What lies outside is drawn at the edge, not over its neighbours.
  sy(y) {
    const inside = Math.min(Math.max(y, this.y[0]), this.y[1]);
    return round(this.top + (1 - (inside - this.y[0]) / (this.y[1] - this.y[0])) * this.height);
  }

  add(name, attributes, ...children) {
    this.marks.push(node(name, attributes, ...children));
    return this;
  }

  title(text) {
    return this.add("text", { class: "ex-title", x: this.left, y: this.top - 12 }, text);
  }

  // Lines at the ticks, with their words; ticks are [value, text] pairs.
  axes({ x = [], y = [], across = 0, up = 0 }) {
    const [right, bottom] = [this.left + this.width, this.top + this.height];
    for (const [value, text] of x) {
      const at = this.sx(value);
      this.add("path", { class: "ex-grid", d: `M${at} ${this.top}V${bottom}` });
      this.add("text", { class: "ex-tick", x: at, y: bottom + 17, "text-anchor": "middle" }, text);
    }
    for (const [value, text] of y) {
      const at = this.sy(value);
      this.add("path", { class: "ex-grid", d: `M${this.left} ${at}H${right}` });
      this.add("text", { class: "ex-tick", x: this.left - 7, y: at + 4, "text-anchor": "end" }, text);
    }
    if (across !== null) this.add("path", { class: "ex-axis", d: `M${this.left} ${this.sy(across)}H${right}` });
    if (up !== null) this.add("path", { class: "ex-axis", d: `M${this.sx(up)} ${this.top}V${bottom}` });
    return this;
  }

  // A polyline through [x, y] points; null lifts the pen. What leaves the panel is cut at its edge.
  line(points, kind) {
    let d = "";
    let pen = "M";
    for (const point of points) {
      if (point === null) pen = "M";
      else {
        d += `${pen}${this.sx(point[0])} ${this.sy(point[1])}`;
        pen = "L";
      }
    }
    return this.add("path", { class: `ex-line ${kind}`, d });
  }

  dot(x, y, kind = "", r = 6) {
    return this.add("circle", { class: `ex-dot ${kind}`, cx: this.sx(x), cy: this.sy(y), r });
  }

  text(x, y, text, attributes = {}) {
    return this.add("text", { class: "ex-label", x: this.sx(x), y: this.sy(y), ...attributes }, text);
  }
}

export const sample = (f, low, high, n) =>
  Array.from({ length: n + 1 }, (_, i) => {
    const x = low + ((high - low) * i) / n;
    return [x, f(x)];
  });
