// Too big a step: a network of 16 units learns a wave, in the page, at a learning rate of the
// reader's choice. Units that no input turns on any more are dead; past some rate, most are.

import { Explorable, choice, define, range, toggle } from "./explorable.js";
import { aliveOn, predict, train, weightsAt } from "./maths.js";
import { Panel, brief, node, num, sample } from "./plot.js";

const LEAK = 0.1;

const shownLoss = (loss) => (loss < 1e4 ? num(loss, loss < 1 ? 3 : 1) : `10^${Math.round(Math.log10(loss))}`);

function sentence({ rate, step, leaky }, run, alive, inputs) {
  const at = `After ${step} ${step === 1 ? "step" : "steps"} with learning rate ${brief(rate)}`;
  if (run.blewUp !== null && step >= run.blewUp)
    return `${at}: training blew up. At step ${run.blewUp} the error was larger than any number a computer holds.`;
  const off = alive.filter((on) => !on).length;
  const [before, error] = [run.off[0], shownLoss(run.losses[step])];
  const units = `${off} of 16 units ${off === 1 ? "is" : "are"}`;
  const since = step === 0 ? "" : ` (${before} before training)`;
  return leaky
    ? `${at}: ${units} never positive on these ${inputs.length} inputs${since}: quiet, not dead, for a tenth of each correction gets in. The error is ${error}.`
    : `${at}: ${units} dead on these ${inputs.length} inputs${since}: no correction reaches them. The error is ${error}.`;
}

function lamps(alive, left, top, size) {
  return alive.flatMap((on, k) => {
    const [x, y] = [left + (k % 4) * size + size / 2, top + Math.floor(k / 4) * size + size / 2];
    const r = size * 0.32;
    const cross = `M${x - r / 2} ${y - r / 2}l${r} ${r}m0 ${-r}l${-r} ${r}`;
    return on
      ? [node("circle", { class: "ex-lamp ex-on", cx: x, cy: y, r })]
      : [node("circle", { class: "ex-lamp", cx: x, cy: y, r }), node("path", { class: "ex-cross", d: cross })];
  });
}

class ReluDie extends Explorable {
  static title = "Too big a step: a network learns a wave";
  static height = { wide: 390, narrow: 510 };
  static data = "training";

  controls() {
    const { rates, starts, steps } = this.data;
    return [
      range({
        name: "rate",
        label: "Learning rate",
        values: rates,
        start: 0.1,
        ticks: rates.filter((_, k) => k !== 1).map((rate) => [rate, brief(rate)]),
        words: (rate) => `${brief(rate)} per step`,
      }),
      range({
        name: "step",
        label: "Trained for",
        min: 0,
        max: steps,
        step: 1,
        start: steps,
        ticks: [[0, "0 steps"], [steps / 2, brief(steps / 2)], [steps, brief(steps)]],
        words: (step) => `${step} ${step === 1 ? "step" : "steps"}`,
      }),
      choice({
        name: "from",
        label: "Starting weights",
        options: starts.map((_, k) => [`${k}`, `seed ${k}`]),
        start: "0",
      }),
      toggle({ name: "leaky", label: "Leaky units: slope 0.1 below zero" }),
    ];
  }

  // One whole run, from step 0, for each setting: it takes a few milliseconds.
  run({ rate, from, leaky }) {
    this.runs ??= new Map();
    const key = `${rate} ${from} ${leaky}`;
    if (!this.runs.has(key)) {
      const { inputs, targets, starts, steps } = this.data;
      const slope = leaky ? LEAK : 0;
      this.runs.set(key, train({ start: starts[from], inputs, targets, rate, slope, steps }));
    }
    return this.runs.get(key);
  }

  draw(state, { wide, data }) {
    const run = this.run(state);
    const gone = run.blewUp !== null && state.step >= run.blewUp;
    const weights = weightsAt(run, gone ? run.blewUp : state.step);
    const alive = aliveOn(weights, data.inputs);
    const fit = new Panel(
      wide
        ? { left: 36, top: 34, width: 390, height: 310, x: [-2, 2], y: [-1.6, 1.6] }
        : { left: 36, top: 34, width: 294, height: 210, x: [-2, 2], y: [-1.6, 1.6] },
    );
    const loss = new Panel(
      wide
        ? { left: 486, top: 274, width: 186, height: 70, x: [0, data.steps], y: [-3, 1] }
        : { left: 238, top: 330, width: 92, height: 140, x: [0, data.steps], y: [-3, 1] },
    );
    fit
      .title("the wave, and what was learned")
      .axes({ x: [-2, -1, 0, 1, 2].map((v) => [v, brief(v)]), y: [-1, 0, 1].map((v) => [v, brief(v)]) })
      .line(data.inputs.map((x, i) => [x, data.targets[i]]), "ex-grey");
    if (gone) fit.text(0, 0.4, "training blew up", { class: "ex-title", "text-anchor": "middle" });
    else fit.line(sample((x) => predict(weights, x, state.leaky ? LEAK : 0), -2, 2, 160), "ex-blue");
    const errors = [];
    for (let k = 0; k <= data.steps && Number.isFinite(run.losses[k]) && k !== run.blewUp; k++)
      errors.push([k, Math.log10(run.losses[k])]);
    const now = Math.min(state.step, errors.length - 1);
    loss
      .title("error")
      .axes({ x: [[0, "0"], [data.steps, brief(data.steps)]], y: [[-2, "0.01"], [0, "1"]], across: null })
      .line(errors, "ex-thin")
      .dot(...errors[now], "ex-vermilion", 5);
    const [left, top, size] = wide ? [478, 38, 44] : [26, 322, 38];
    const name = node("text", { class: "ex-title", x: left + 6, y: top - (wide ? 16 : 4) }, "16 units");
    const legend = node(
      "text",
      { class: "ex-label", x: left + 6, y: top + 4 * size + 16 },
      `● on for some input, ⊗ ${state.leaky ? "quiet" : "dead"}`,
    );
    return {
      marks: [...fit.marks, ...loss.marks, name, ...lamps(alive, left, top, size), legend],
      says: sentence(state, run, alive, data.inputs),
    };
  }
}

define("relu-die", ReluDie);
