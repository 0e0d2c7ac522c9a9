// Side by side: any two activations, their slopes, and the exact numbers at one place.

import { Explorable, choice, define, range } from "./explorable.js";
import { ACTIVATIONS } from "./maths.js";
import { Panel, brief, num, sample } from "./plot.js";

const REACH = 4;
const EDGE = 1e-9; // beside a jump, to draw both sides of it

// The curve between the kinks, pen lifted at each; what leaves the panel is not drawn.
function pieces(f, kinks, [low, high], lift) {
  const cuts = [-REACH, ...kinks.filter((kink) => Math.abs(kink) < REACH), REACH];
  return cuts.slice(1).flatMap((cut, k) => {
    const points = sample(f, cuts[k] + (k && EDGE), cut - (cut < REACH ? EDGE : 0), 90);
    const inside = points.map((point) => (point[1] >= low && point[1] <= high ? point : null));
    return lift ? [...inside, null] : inside;
  });
}

function sentence({ left, right, z }) {
  const at = (name) => {
    const { label, f, d } = ACTIVATIONS[name];
    return `${label} gives ${num(f(z), 3)} with slope ${num(d(z), 3)}`;
  };
  const difference = Math.abs(ACTIVATIONS[left].f(z) - ACTIVATIONS[right].f(z));
  const apart = difference < 5e-4 ? "Here they agree to three decimals." : `They differ by ${num(difference, 3)}.`;
  return left === right
    ? `At ${brief(z)}, ${at(left)}. Choose another one to compare it with.`
    : `At ${brief(z)}, ${at(left)}; ${at(right)}. ${apart}`;
}

class ReluCompare extends Explorable {
  static title = "Side by side: two activations and their slopes";
  static height = { wide: 350, narrow: 640 };

  controls() {
    const options = Object.entries(ACTIVATIONS).map(([name, { label }]) => [name, label]);
    return [
      choice({ name: "left", label: "Solid", options, start: "relu" }),
      choice({ name: "right", label: "Dashed", options, start: "gelu" }),
      range({
        name: "z",
        label: "Preactivation",
        min: -REACH,
        max: REACH,
        step: 0.1,
        start: -1,
        ticks: [[-4, "−4"], [-2, "−2"], [0, "0"], [2, "2"], [4, "4"]],
        words: (z) => `z = ${brief(z)}`,
      }),
    ];
  }

  draw(state, { wide }) {
    const [width, height] = wide ? [284, 270] : [294, 240];
    const ticks = [-4, -2, 0, 2, 4].map((v) => [v, brief(v)]);
    const values = new Panel({ left: 36, top: 34, width, height, x: [-REACH, REACH], y: [-2, 4] });
    const slopes = new Panel(
      wide
        ? { left: 388, top: 34, width, height, x: [-REACH, REACH], y: [-0.5, 1.5] }
        : { left: 36, top: 354, width, height, x: [-REACH, REACH], y: [-0.5, 1.5] },
    );
    values.title("value").axes({ x: ticks, y: [-2, -1, 0, 1, 2, 3, 4].map((v) => [v, brief(v)]) });
    slopes.title("slope: what is passed back").axes({ x: ticks, y: [-0.5, 0, 0.5, 1, 1.5].map((v) => [v, brief(v)]) });
    [[state.left, "ex-blue"], [state.right, "ex-vermilion"]].forEach(([name, kind]) => {
      const { f, d, kinks } = ACTIVATIONS[name];
      values.line(pieces(f, kinks, values.y, false), kind);
      slopes.line(pieces(d, kinks, slopes.y, true), kind);
      for (const [panel, y] of [[values, f(state.z)], [slopes, d(state.z)]])
        if (y >= panel.y[0] && y <= panel.y[1]) panel.dot(state.z, y, kind, kind === "ex-blue" ? 7 : 5);
    });
    for (const panel of [values, slopes]) panel.text(REACH, panel.y[0], "z →", { dy: 36, "text-anchor": "end" });
    return { marks: [...values.marks, ...slopes.marks], says: sentence(state) };
  }
}

define("relu-compare", ReluCompare);
