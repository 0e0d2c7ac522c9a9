// The door: what one unit lets through, and what it lets back. Slope and floor make it ReLU, leaky,
// mirrored, or shut somewhere else.

import { Explorable, define, range } from "./explorable.js";
import { door, doorSlope } from "./maths.js";
import { Panel, brief, percent } from "./plot.js";

const REACH = 3;

function called(slope, floor) {
  if (slope === 1) return "This is a straight line, as if there were no activation.";
  if (slope === 0) return floor === 0 ? "This is ReLU." : `This is max(z, ${brief(floor)}).`;
  if (floor !== 0) return "This is a leaky door with a floor of its own.";
  if (slope === -1) return "This is the absolute value.";
  return slope > 0 ? `This is LeakyReLU with slope ${brief(slope)}.` : "This is a door that turns signs.";
}

function sentence({ slope, floor, input }) {
  const out = brief(door(input, slope, floor));
  const name = called(slope, floor);
  if (input > floor)
    return `${name} The input ${brief(input)} is above ${brief(floor)} and goes through unchanged. A correction sent back passes in full.`;
  const where = input === floor ? "is exactly at" : floor === 0 ? "is below" : `is ${brief(floor - input)} below`;
  const what =
    slope === 0
      ? `so ${out} comes out, whatever the input is down there. No correction passes back for this input.`
      : `and ${percent(slope)} of ${floor === 0 ? "it" : "that"} comes ${floor === 0 ? "out" : "through"}: ${out}. A correction sent back is multiplied by ${brief(slope)}.`;
  return `${name} The input ${brief(input)} ${where} ${brief(floor)}, ${what}`;
}

class ReluSlope extends Explorable {
  static title = "The door: what a unit lets through";
  static height = { wide: 360, narrow: 590 };

  controls() {
    return [
      range({
        name: "input",
        label: "Number going in",
        min: -REACH,
        max: REACH,
        step: 0.1,
        start: -2,
        ticks: [[-3, "−3"], [0, "0"], [3, "3"]],
        words: (z, { floor }) => `${brief(z)}: ${z > floor ? "above the floor" : z < floor ? "below the floor" : "at the floor"}`,
      }),
      range({
        name: "slope",
        label: "Slope below floor",
        min: -1,
        max: 1,
        step: 0.05,
        start: 0,
        ticks: [[-1, "−1 mirror"], [0, "0 shut"], [1, "1 open"]],
        words: (slope) => `${brief(slope)}: ${slope === 0 ? "shut" : `${percent(slope)} out`}`,
      }),
      range({
        name: "floor",
        label: "Floor",
        min: -2,
        max: 2,
        step: 0.5,
        start: 0,
        ticks: [[-2, "−2"], [0, "0"], [2, "2"]],
        words: (floor) => `${brief(floor)}: ${floor === 0 ? "as in ReLU" : floor > 0 ? "above ReLU’s" : "below ReLU’s"}`,
      }),
    ];
  }

  draw(state, { wide }) {
    const { slope, floor, input } = state;
    const ticks = [-3, -2, -1, 0, 1, 2, 3].map((v) => [v, brief(v)]);
    const through = new Panel(
      wide
        ? { left: 42, top: 34, width: 280, height: 280, x: [-REACH, REACH], y: [-REACH, REACH] }
        : { left: 42, top: 34, width: 288, height: 288, x: [-REACH, REACH], y: [-REACH, REACH] },
    );
    const back = new Panel(
      wide
        ? { left: 392, top: 34, width: 280, height: 280, x: [-REACH, REACH], y: [-1.25, 1.25] }
        : { left: 42, top: 400, width: 288, height: 140, x: [-REACH, REACH], y: [-1.25, 1.25] },
    );
    const out = door(input, slope, floor);
    const ends = (f) => [[-REACH, f(-REACH)], [floor, f(floor)], [REACH, f(REACH)]];
    through
      .title("what comes out")
      .axes({ x: ticks, y: ticks })
      .line(ends((z) => door(z, slope, floor)), "ex-blue")
      .line([[input, 0], [input, out], [0, out]], "ex-path")
      .dot(input, out)
      .text(input, out, brief(out), { class: "ex-value", dy: out > 2.4 ? 22 : -12, "text-anchor": "middle" })
      .text(REACH, -REACH, "in →", { dy: 36, "text-anchor": "end" });
    const passed = doorSlope(input, slope, floor);
    back
      .title("what is passed back")
      .axes({ x: ticks.filter((_, i) => i % 3 === 0), y: [[-1, "−1"], [0, "0"], [1, "all"]] })
      .line([[-REACH, slope], [floor, slope], null, [floor, 1], [REACH, 1]], "ex-vermilion")
      .dot(input, passed, "ex-vermilion")
      .text(REACH, -1.25, "in →", { dy: 36, "text-anchor": "end" });
    return { marks: [...through.marks, ...back.marks], says: sentence(state) };
  }
}

define("relu-slope", ReluSlope);
