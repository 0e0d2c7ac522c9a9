// Is it lost? One unit keeps half of what it sees. A unit and its mirror keep everything; so do
// enough units that look in different directions.

import { Explorable, choice, define, range, toggle } from "./explorable.js";
import { alike, directions, kept } from "./maths.js";
import { Panel, brief, node, num } from "./plot.js";

const REACH = 2;

function oneNumber({ z, mirror }) {
  const [keeps, mirrored] = [Math.max(0, z), Math.max(0, -z)];
  const unit = `The unit turns ${brief(z)} into ${brief(keeps)}`;
  if (mirror)
    return `${unit}, its mirror turns it into ${brief(mirrored)}. The difference ${brief(keeps)} − ${brief(mirrored)} is ${brief(z)}: nothing is lost.`;
  return z > 0
    ? `${unit}: nothing is lost, as long as the number is above zero.`
    : `${unit}, as it does with every number that is not above zero: which one it was is lost.`;
}

function twoNumbers({ looks, turn }, { activations, tells, point }) {
  const on = activations.filter((value) => value > 0).length;
  const told = `${on} of ${looks} ${looks === 1 ? "unit" : "units"} ${on === 1 ? "is" : "are"} on for the point at ${turn}°.`;
  if (tells === 2)
    return `${told} Two different directions are enough: the point comes back exactly, ${num(point[0])} across and ${num(point[1])} up. Nothing is lost.`;
  return tells === 1
    ? `${told} It tells how far the point lies in its own direction, and nothing else: every point of the thick line looks the same.`
    : `${told} The whole shaded part of the plane looks the same, all zeros: which point it was is lost.`;
}

class ReluPair extends Explorable {
  static title = "Is it lost? A unit, its mirror, and more directions";
  static height = { wide: 320, narrow: 456 };

  controls() {
    const plane = ({ inputs }) => inputs === "2";
    const line = ({ inputs }) => inputs === "1";
    return [
      choice({
        name: "inputs",
        label: "Goes in",
        options: [["1", "one number"], ["2", "two numbers: a point"]],
        start: "1",
      }),
      toggle({ name: "mirror", label: "Add the mirror unit, relu(−z)", off: plane }),
      range({
        name: "z",
        label: "The number",
        min: -REACH,
        max: REACH,
        step: 0.1,
        start: -1.3,
        ticks: [[-2, "−2"], [0, "0"], [2, "2"]],
        words: (z) => `${brief(z)}, ${z > 0 ? "above zero" : z < 0 ? "below zero" : "zero itself"}`,
        off: plane,
      }),
      range({
        name: "looks",
        label: "Units",
        min: 1,
        max: 6,
        step: 1,
        start: 2,
        ticks: [1, 2, 3, 4, 5, 6].map((n) => [n, `${n}`]),
        words: (n) => (n === 1 ? "1 unit" : `${n} units`),
        off: line,
      }),
      range({
        name: "turn",
        label: "The point lies",
        min: 5, // never exactly on an axis, where a unit is neither on nor off
        max: 355,
        step: 10,
        start: 135,
        ticks: [45, 135, 225, 315].map((turn) => [turn, `${turn}°`]),
        words: (turn) => `at ${turn}°, ${["right", "up", "left", "down", "right"][Math.round(turn / 90)]}`,
        off: line,
      }),
    ];
  }

  draw(state, { wide }) {
    return state.inputs === "1" ? this.line(state, wide) : this.plane(state, wide);
  }

  line(state, wide) {
    const { z, mirror } = state;
    const [keeps, mirrored] = [Math.max(0, z), Math.max(0, -z)];
    const [left, width] = wide ? [150, 500] : [24, 292];
    const rows = [
      ["goes in", z, "ex-plain"],
      ["unit keeps", keeps, "ex-blue"],
      ["mirror keeps", mirror ? mirrored : null, "ex-vermilion"],
      ["comes back", mirror ? keeps - mirrored : z > 0 ? z : null, "ex-plain"],
    ];
    const marks = rows.flatMap(([name, value, kind], k) => {
      const row = new Panel({ left, width, top: 24 + k * (wide ? 74 : 108) + (wide ? 0 : 26), height: 40, x: [-REACH, REACH], y: [-1, 1] });
      row.axes({ x: [-2, -1, 0, 1, 2].map((v) => [v, brief(v)]) });
      const beside = wide ? { dx: -14, dy: 5, "text-anchor": "end" } : { dx: -8, dy: -34 };
      row.text(-REACH, 0, name, { class: "ex-title", ...beside });
      if (value === null) {
        const why = k === 2 ? "switched off" : "any of these";
        row.text(0, 0, why, { dx: k === 2 ? 8 : -8, dy: -10, "text-anchor": k === 2 ? "start" : "end" });
        if (k === 3) row.line([[-REACH, 0], [0, 0]], "ex-lost");
      } else {
        row.line([[0, 0], [value, 0]], `ex-bar ${kind}`).dot(value, 0, kind);
        row.text(value, 0, brief(value), { class: "ex-value", dy: -13, "text-anchor": "middle" });
      }
      return row.marks;
    });
    return { marks, says: oneNumber(state) };
  }

  plane(state, wide) {
    const units = directions(state.looks);
    const angle = (state.turn * Math.PI) / 180;
    const point = [1.3 * Math.cos(angle), 1.3 * Math.sin(angle)];
    const told = kept(units, point);
    const side = wide ? 272 : 280;
    const view = new Panel({ left: wide ? 30 : 36, top: 20, width: side, height: side, x: [-REACH, REACH], y: [-REACH, REACH] });
    const ticks = [-2, -1, 0, 1, 2].map((v) => [v, brief(v)]);
    view.axes({ x: ticks, y: ticks });
    const same = alike(units, point, REACH);
    const outline = same.map(([x, y]) => `${view.sx(x)} ${view.sy(y)}`).join("L");
    if (told.tells < 2)
      view.add("path", { class: told.tells ? "ex-line ex-same" : "ex-shade", d: `M${outline}${told.tells ? "" : "Z"}` });
    units.forEach(([x, y], k) => {
      const on = told.activations[k] > 0;
      view.line([[0, 0], [x, y]], on ? "ex-blue" : "ex-off");
      view.add("circle", { class: `ex-lamp ${on ? "ex-on" : ""}`, cx: view.sx(x), cy: view.sy(y), r: 7 });
      view.text(1.24 * x, 1.24 * y, `${k + 1}`, { dy: 4, "text-anchor": "middle" });
    });
    view.dot(...point, "ex-vermilion", 7);
    const out = point[0] < 0 ? { dx: -12, "text-anchor": "end" } : { dx: 12 };
    view.text(...point, "the point", { dy: 4, class: "ex-value", ...out });
    const [left, top] = wide ? [400, 34] : [42, 344];
    const rows = units.map((_, k) => {
      const value = told.activations[k];
      const [x, y] = wide ? [left, top + 24 + k * 28] : [left + (k % 2) * 150, top + 24 + Math.floor(k / 2) * 28];
      return node("text", { class: "ex-label", x, y }, `unit ${k + 1}: ${value > 0 ? `● on, ${num(value)}` : "○ off, 0"}`);
    });
    const name = node("text", { class: "ex-title", x: left, y: top }, "what the layer keeps");
    return { marks: [...view.marks, name, ...rows], says: twoNumbers(state, told) };
  }
}

define("relu-pair", ReluPair);
