// A crowd goes through: thousands of random numbers through one activation, or through many layers.
// Samples and layers come from PyTorch; only the one activation is computed here.

import { Explorable, choice, define, range } from "./explorable.js";
import { ACTIVATIONS, describe, histogram } from "./maths.js";
import { Panel, brief, num, percent } from "./plot.js";

const NAMES = ["relu", "leaky_relu", "gelu", "selu", "tanh", "sigmoid"];
const LAYERS = 20;
const TALLEST = 0.2; // share of the crowd in one bar; taller ones are cut
const BINS = 48;
const STARTS = { default: "PyTorch’s own start", he: "He’s start" };

const size = (value) => (value >= 0.01 ? num(value) : value.toPrecision(1).replace(/e-(\d+)/, " · 10^−$1"));

class ReluCrowd extends Explorable {
  static title = "A crowd goes through";
  static height = { wide: 320, narrow: 560 };
  static data = "samples";

  controls() {
    const one = ({ through }) => through === "one";
    const many = ({ through }) => through === "many";
    return [
      choice({
        name: "through",
        label: "Through",
        options: [["one", "one activation"], ["many", "many layers"]],
        start: "one",
      }),
      choice({
        name: "f",
        label: "Activation",
        options: NAMES.map((name) => [name, ACTIVATIONS[name].label]),
        start: "relu",
      }),
      range({
        name: "shift",
        label: "Shift of the crowd",
        min: -2,
        max: 2,
        step: 0.1,
        start: 0,
        ticks: [[-2, "−2"], [0, "0"], [2, "2"]],
        words: (shift) => (shift === 0 ? "none" : `${brief(Math.abs(shift))} to the ${shift < 0 ? "left" : "right"}`),
        off: many,
      }),
      range({
        name: "spread",
        label: "Spread",
        min: 0.2,
        max: 2,
        step: 0.1,
        start: 1,
        ticks: [[0.2, "0.2"], [1, "1"], [2, "2"]],
        words: (spread) => `${brief(spread)}${spread === 1 ? ": as drawn" : spread < 1 ? ": narrower" : ": wider"}`,
        off: many,
      }),
      range({
        name: "layers",
        label: "Layers",
        min: 0,
        max: LAYERS,
        step: 1,
        start: 10,
        ticks: [0, 5, 10, 15, 20].map((n) => [n, `${n}`]),
        words: (n) => (n === 1 ? "1 layer" : `${n} layers`),
        off: one,
      }),
      choice({ name: "start", label: "Weights", options: Object.entries(STARTS), start: "default", off: one }),
    ];
  }

  draw(state, { wide, data }) {
    const places = wide
      ? [{ left: 40, top: 34, width: 284, height: 236 }, { left: 388, top: 34, width: 284, height: 236 }]
      : [{ left: 40, top: 34, width: 290, height: 200 }, { left: 40, top: 310, width: 290, height: 200 }];
    return state.through === "one" ? this.one(state, places, data) : this.many(state, places, data);
  }

  one({ f, shift, spread }, places, { samples }) {
    const before = samples.map((sample) => shift + (spread * sample) / 256);
    const after = before.map(ACTIVATIONS[f].f);
    const [was, is] = [describe(before), describe(after)];
    const [left, right] = places.map((place) => new Panel({ ...place, x: [-4, 4], y: [0, TALLEST] }));
    const { label } = ACTIVATIONS[f];
    this.bars(left.title(`before: ${brief(samples.length)} numbers`), before, was);
    this.bars(right.title(`after ${label}`), after, is);
    const zeros = is.zeros > 0 ? `, and ${percent(is.zeros)} of them are exactly zero` : ", and none is exactly zero";
    const tell = ({ mean, spread }) => `mean ${num(mean)}, spread ${num(spread)}`;
    const says = `Before: ${tell(was)}. After ${label}: ${tell(is)}${zeros}.`;
    return { marks: [...left.marks, ...right.marks], says };
  }

  bars(panel, values, { mean, zeros }) {
    const ticks = [-4, -2, 0, 2, 4].map((v) => [v, brief(v)]);
    panel.axes({ x: ticks, y: [[0, "0 %"], [0.1, "10 %"], [0.2, "20 %"]] });
    const width = 8 / BINS;
    histogram(values, -4, 4, BINS).forEach((count, k) => {
      const [x, share] = [-4 + k * width, count / values.length];
      if (!count) return;
      const [at, top] = [panel.sx(x), panel.sy(share)];
      const bar = { x: at + 0.5, y: top, width: panel.sx(x + width) - at - 1, height: panel.sy(0) - top };
      panel.add("rect", { class: "ex-column", ...bar });
    });
    panel.line([[mean, 0], [mean, TALLEST]], "ex-path");
    panel.text(mean, TALLEST, `mean ${num(mean)}`, { dx: 6, dy: 14 });
    if (zeros > 0.01) panel.text(0, TALLEST / 2, `${percent(zeros)} at 0`, { dx: -8, "text-anchor": "end", class: "ex-value" });
  }

  many({ f, layers, start }, places, { spread, zeros }) {
    const [left, right] = [
      new Panel({ ...places[0], x: [0, LAYERS], y: [-8, 2] }),
      new Panel({ ...places[1], x: [0, LAYERS], y: [0, 1] }),
    ];
    const ticks = [0, 5, 10, 15, 20].map((n) => [n, `${n}`]);
    left
      .title("typical size, layer by layer")
      .axes({ x: ticks, y: [[0, "1"], [-2, "0.01"], [-4, "10⁻⁴"], [-6, "10⁻⁶"], [-8, "10⁻⁸"]] });
    right.title("exactly zero").axes({ x: ticks, y: [[0, "0 %"], [0.5, "50 %"], [1, "100 %"]] });
    const other = start === "he" ? "default" : "he";
    const points = (values, change) => values.map((value, k) => [k, change(value)]);
    const seen = (values) => points(values, Math.log10).filter(([, power]) => power >= left.y[0]);
    left.line(seen(spread[f][other]), "ex-grey").line(seen(spread[f][start]), "ex-blue");
    left.dot(layers, Math.log10(spread[f][start][layers]));
    right.line(points(zeros[f][start], (share) => share), "ex-blue").dot(layers, zeros[f][start][layers]);
    for (const panel of [left, right]) panel.text(LAYERS, panel.y[0], "layers →", { dy: 36, "text-anchor": "end" });
    const { label } = ACTIVATIONS[f];
    const [now, then] = [size(spread[f][start][layers]), size(spread[f][other][layers])];
    const where = layers === 0 ? "Before the first layer" : `After ${layers} ${layers === 1 ? "layer" : "layers"} with ${label} and ${STARTS[start]}`;
    const says = `${where}, the typical size of a number is ${now}; ${percent(zeros[f][start][layers])} are exactly zero.${layers ? ` With ${STARTS[other]} it is ${then} (dotted).` : ""}`;
    return { marks: [...left.marks, ...right.marks], says };
  }
}

define("relu-crowd", ReluCrowd);
