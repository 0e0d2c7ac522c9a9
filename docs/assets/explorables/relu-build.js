// Folds: a curve built from ReLU units. Each unit is a straight line with one fold; their sum has as
// many folds as there are units, and comes closer to the curve with each.

import { Explorable, choice, define, range } from "./explorable.js";
import { TARGETS, fold, foldedAt, largestGap } from "./maths.js";
import { Panel, brief, num, sample } from "./plot.js";

const FINE = Array.from({ length: 401 }, (_, i) => -2 + i / 100);
const TOP = 1.5;
const gapText = (gap) => num(gap, gap < 0.1 ? 3 : 2);

function sentence({ target, units }, on, gap) {
  const { label, f } = TARGETS[target];
  const curve = label.replace(/^a /, "the ");
  if (on === 0) return `All units are switched off: what is left is a flat line at ${num(f(-2))}.`;
  if (on < units)
    return `With the first ${on} of ${units} units switched on, the line follows ${curve} up to ${brief(-2 + (4 * on) / units)} and then runs straight on: no unit is left to fold it.`;
  const more = units > 16 ? "" : ` With twice as many units it would be ${gapText(largestGap(f, fold(f, 2 * units), FINE))}.`;
  return `${units} ${units === 1 ? "unit makes" : "units make"} ${units} straight ${units === 1 ? "piece" : "pieces"}. The largest gap to ${curve} is ${gapText(gap)}.${more}`;
}

class ReluBuild extends Explorable {
  static title = "Folds: a curve built from ReLU units";
  static height = { wide: 350, narrow: 330 };

  controls() {
    return [
      range({
        name: "units",
        label: "Units",
        min: 1,
        max: 32,
        step: 1,
        start: 4,
        ticks: [1, 8, 16, 24, 32].map((n) => [n, `${n}`]),
        words: (n) => (n === 1 ? "1 unit" : `${n} units`),
      }),
      range({
        name: "on",
        label: "Switched on",
        min: 0,
        max: 100,
        step: 5,
        start: 100,
        ticks: [[0, "none"], [50, "half"], [100, "all"]],
        words: (on, { units }) => `${Math.round((on * units) / 100)} of ${units} units`,
      }),
      choice({
        name: "target",
        label: "Curve",
        options: Object.entries(TARGETS).map(([name, { label }]) => [name, label]),
        start: "wave",
      }),
    ];
  }

  draw(state, { wide }) {
    const { f } = TARGETS[state.target];
    const folded = fold(f, state.units);
    const on = Math.round((state.on * state.units) / 100);
    const sum = (x) => foldedAt(folded, x, on);
    const view = new Panel({
      left: 36, top: 34, width: wide ? 632 : 294, height: wide ? 270 : 250, x: [-2, 2], y: [-TOP, TOP],
    }); // prettier-ignore
    const ticks = [-2, -1, 0, 1, 2].map((v) => [v, brief(v)]);
    view.title("the curve, each unit, and their sum").axes({ x: ticks, y: ticks.slice(1, 4) });
    for (let k = 0; k < on; k++) {
      const [at, weight] = [folded.folds[k], folded.weights[k]];
      const end = Math.min(2, at + TOP / Math.abs(weight));
      view.line([[at, 0], [end, weight * (end - at)]], "ex-faint");
    }
    view.line(sample(f, -2, 2, 160), "ex-grey");
    const corners = [...folded.folds, 2].map((x) => [x, sum(x)]);
    // Past the edge of the picture the line is cut where it leaves.
    const last = corners.findIndex(([, y], k) => k > on && Math.abs(y) > TOP);
    const kept = last < 0 ? corners : corners.slice(0, last);
    if (last > 0) {
      const [[x, y], [next, beyond]] = [corners[last - 1], corners[last]];
      const edge = Math.sign(beyond) * TOP;
      kept.push([x + ((edge - y) / (beyond - y)) * (next - x), edge]);
    }
    view.line(kept, "ex-blue");
    folded.folds.slice(0, on).forEach((at) => view.dot(at, sum(at), "", 4));
    const gap = largestGap(f, folded, FINE);
    if (on === state.units) {
      const worst = FINE.find((x) => Math.abs(f(x) - sum(x)) >= gap);
      view.line([[worst, f(worst)], [worst, sum(worst)]], "ex-gap");
      const right = worst < 1.4;
      const where = { class: "ex-value", dx: right ? 8 : -8, dy: 4, "text-anchor": right ? "start" : "end" };
      view.text(worst, (f(worst) + sum(worst)) / 2, `gap ${gapText(gap)}`, where);
    }
    return { marks: view.marks, says: sentence(state, on, gap) };
  }
}

define("relu-build", ReluBuild);
