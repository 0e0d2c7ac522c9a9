// All the arithmetic of the explorables, and nothing else: no page, no drawing, no randomness.
// The tests hold every function here against PyTorch in float64.

const ROOT2 = Math.SQRT2;
const ROOT2PI = Math.sqrt(2 * Math.PI);

// ---------------------------------------------------------------- activations

// The complementary error function, which JavaScript lacks: a Taylor series near 0, Lentz's continued
// fraction in the tails. Error below 1e-15 (absolute).
export function erfc(x) {
  if (x < 0) return 2 - erfc(-x);
  if (x < 2.5) {
    let term = x;
    let sum = x;
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return 1 - (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = 0;
  for (let n = 60; n > 0; n--) fraction = n / 2 / (x + fraction);
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + fraction);
}

const normalBelow = (z) => 0.5 * erfc(-z / ROOT2);
const normalDensity = (z) => Math.exp(-0.5 * z * z) / ROOT2PI;
const sigmoid = (z) => (z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z)));
const softplus = (z) => (z > 20 ? z : Math.log1p(Math.exp(z)));

const SELU_ALPHA = 1.6732632423543772;
const SELU_SCALE = 1.0507009873554805;
const TANH_GELU = Math.sqrt(2 / Math.PI);
const tanhGeluInner = (z) => Math.tanh(TANH_GELU * (z + 0.044715 * z ** 3));

const leaky = (slope) => ({
  f: (z) => (z > 0 ? z : slope * z),
  d: (z) => (z > 0 ? 1 : slope),
});
const elu = { f: (z) => (z > 0 ? z : Math.expm1(z)), d: (z) => (z > 0 ? 1 : Math.exp(z)) };

// Names as in reluguide.activations; f is the value, d the slope. At a corner d is what PyTorch
// sends back there. `kinks` are the z at which d jumps.
export const ACTIVATIONS = {
  relu: { label: "ReLU", kinks: [0], f: (z) => Math.max(0, z), d: (z) => (z > 0 ? 1 : 0) },
  leaky_relu: { label: "LeakyReLU", kinks: [0], ...leaky(0.01) },
  prelu: { label: "PReLU (slope 0.25)", kinks: [0], ...leaky(0.25) },
  elu: { label: "ELU", kinks: [], ...elu },
  celu: { label: "CELU", kinks: [], ...elu },
  selu: {
    label: "SELU",
    kinks: [0],
    f: (z) => SELU_SCALE * (z > 0 ? z : SELU_ALPHA * Math.expm1(z)),
    d: (z) => SELU_SCALE * (z > 0 ? 1 : SELU_ALPHA * Math.exp(z)),
  },
  gelu: {
    label: "GELU",
    kinks: [],
    f: (z) => z * normalBelow(z),
    d: (z) => normalBelow(z) + z * normalDensity(z),
  },
  gelu_tanh: {
    label: "GELU (tanh)",
    kinks: [],
    f: (z) => 0.5 * z * (1 + tanhGeluInner(z)),
    d: (z) => {
      const t = tanhGeluInner(z);
      return 0.5 * (1 + t) + 0.5 * z * (1 - t * t) * TANH_GELU * (1 + 3 * 0.044715 * z * z);
    },
  },
  silu: {
    label: "SiLU",
    kinks: [],
    f: (z) => z * sigmoid(z),
    d: (z) => sigmoid(z) * (1 + z * sigmoid(-z)),
  },
  mish: {
    label: "Mish",
    kinks: [],
    f: (z) => z * Math.tanh(softplus(z)),
    d: (z) => {
      const t = Math.tanh(softplus(z));
      return t + z * (1 - t * t) * sigmoid(z);
    },
  },
  hardswish: {
    label: "Hardswish",
    kinks: [-3, 3],
    f: (z) => (z * Math.min(Math.max(z + 3, 0), 6)) / 6,
    d: (z) => (z >= 3 ? 1 : z > -3 ? z / 3 + 0.5 : 0),
  },
  softplus: { label: "Softplus", kinks: [], f: softplus, d: sigmoid },
  relu_squared: {
    label: "ReLU²",
    kinks: [],
    f: (z) => Math.max(0, z) ** 2,
    d: (z) => 2 * Math.max(0, z),
  },
  relu6: {
    label: "ReLU6",
    kinks: [0, 6],
    f: (z) => Math.min(Math.max(0, z), 6),
    d: (z) => (z > 0 && z < 6 ? 1 : 0),
  },
  tanh: { label: "tanh", kinks: [], f: Math.tanh, d: (z) => 1 - Math.tanh(z) ** 2 },
  sigmoid: { label: "sigmoid", kinks: [], f: sigmoid, d: (z) => sigmoid(z) * sigmoid(-z) },
  identity: { label: "identity (no activation)", kinks: [], f: (z) => z, d: () => 1 },
};

// The door: z itself above the floor, and below it the floor plus `slope` of what is missing.
// Slope 0 and floor 0 is ReLU; slope 0 is max(z, floor); floor 0 is LeakyReLU.
export const door = (z, slope, floor) => (z > floor ? z : floor + slope * (z - floor));
export const doorSlope = (z, slope, floor) => (z > floor ? 1 : slope);

// --------------------------------------------------------------------- folds

export const TARGETS = {
  wave: { label: "a wave", f: (x) => Math.sin((Math.PI / 2) * x + 1) },
  hill: { label: "a hill", f: (x) => Math.exp(-2 * x * x) },
  step: { label: "a steep slope", f: (x) => Math.tanh(6 * x) },
};

// n units whose folds lie evenly on [low, high] and whose sum meets the target at each fold and at
// both ends: sum(x) = offset + Σ weight[k] · relu(x − fold[k]).
export function fold(target, n, low = -2, high = 2) {
  const width = (high - low) / n;
  const at = Array.from({ length: n + 1 }, (_, k) => target(low + k * width));
  const folds = Array.from({ length: n }, (_, k) => low + k * width);
  const slopes = folds.map((_, k) => (at[k + 1] - at[k]) / width);
  const weights = slopes.map((slope, k) => slope - (k ? slopes[k - 1] : 0));
  return { offset: at[0], folds, weights };
}

// The sum of the first `on` units at x.
export function foldedAt({ offset, folds, weights }, x, on = folds.length) {
  let sum = offset;
  for (let k = 0; k < on; k++) sum += weights[k] * Math.max(0, x - folds[k]);
  return sum;
}

export const largestGap = (target, folded, xs) =>
  xs.reduce((gap, x) => Math.max(gap, Math.abs(target(x) - foldedAt(folded, x))), 0);

// ------------------------------------------------------------------ training

// Full-batch gradient descent on the mean squared error of a 1-n-1 network, from `start` on, in
// float64. Returns for each step 0…steps the loss and the number of units that are off (z ≤ 0) on
// every input, and all weights, so that any step can be drawn. `blewUp` is the first step whose loss
// is no finite number, or null.
export function train({ start, inputs, targets, rate, slope = 0, steps }) {
  const n = start.w1.length;
  const size = 3 * n + 1;
  const history = new Float64Array((steps + 1) * size);
  history.set([...start.w1, ...start.b1, ...start.w2, start.b2]);
  const losses = new Float64Array(steps + 1);
  const off = new Int32Array(steps + 1);
  const grad = new Float64Array(size);
  const z = new Float64Array(n);
  const on = new Uint8Array(n);
  for (let step = 0; step <= steps; step++) {
    const p = history.subarray(step * size, (step + 1) * size);
    grad.fill(0);
    on.fill(0);
    let loss = 0;
    for (let i = 0; i < inputs.length; i++) {
      const x = inputs[i];
      let y = p[3 * n];
      for (let j = 0; j < n; j++) {
        z[j] = p[j] * x + p[n + j];
        y += p[2 * n + j] * (z[j] > 0 ? z[j] : slope * z[j]);
      }
      const error = y - targets[i];
      loss += error * error;
      const back = (2 * error) / inputs.length;
      grad[3 * n] += back;
      for (let j = 0; j < n; j++) {
        if (z[j] > 0) on[j] = 1;
        const through = back * p[2 * n + j] * (z[j] > 0 ? 1 : slope);
        grad[j] += through * x;
        grad[n + j] += through;
        grad[2 * n + j] += back * (z[j] > 0 ? z[j] : slope * z[j]);
      }
    }
    losses[step] = loss / inputs.length;
    off[step] = n - on.reduce((sum, one) => sum + one, 0);
    if (!Number.isFinite(losses[step])) return { n, losses, off, history, blewUp: step };
    if (step < steps)
      for (let k = 0; k < size; k++) history[(step + 1) * size + k] = p[k] - rate * grad[k];
  }
  return { n, losses, off, history, blewUp: null };
}

// The network's weights at one step of a run.
export function weightsAt({ n, history }, step) {
  const p = history.subarray(step * (3 * n + 1), (step + 1) * (3 * n + 1));
  return { w1: p.subarray(0, n), b1: p.subarray(n, 2 * n), w2: p.subarray(2 * n, 3 * n), b2: p[3 * n] };
}

export function predict({ w1, b1, w2, b2 }, x, slope = 0) {
  let y = b2;
  for (let j = 0; j < w1.length; j++) {
    const z = w1[j] * x + b1[j];
    y += w2[j] * (z > 0 ? z : slope * z);
  }
  return y;
}

// Which units are on for at least one input.
export const aliveOn = ({ w1, b1 }, inputs) =>
  Array.from(w1, (w, j) => inputs.some((x) => w * x + b1[j] > 0));

// ------------------------------------------------------------------ is it lost

// n units that look in directions spread evenly over the circle, the first to the right.
// Directions on an axis are written exactly, so that a mirror is exactly a mirror.
export const directions = (n) =>
  Array.from({ length: n }, (_, k) => {
    const quarters = (4 * k) / n;
    if (Number.isInteger(quarters)) return [[1, 0], [0, 1], [-1, 0], [0, -1]][quarters];
    const angle = (2 * Math.PI * k) / n;
    return [Math.cos(angle), Math.sin(angle)];
  });

export const dot = ([a, b], [c, d]) => a * c + b * d;

// What a layer of such units keeps of a point: its activations, which units are on, and how many
// independent numbers those tell (0, 1 or 2). With 2 the point comes back exactly, by least squares.
export function kept(units, point) {
  const activations = units.map((unit) => Math.max(0, dot(unit, point)));
  const on = units.filter((_, k) => activations[k] > 0);
  const values = activations.filter((value) => value > 0);
  let [xx, xy, yy, xv, yv] = [0, 0, 0, 0, 0];
  on.forEach(([x, y], k) => {
    xx += x * x;
    xy += x * y;
    yy += y * y;
    xv += x * values[k];
    yv += y * values[k];
  });
  const determinant = xx * yy - xy * xy;
  if (determinant > 1e-9)
    return {
      activations,
      tells: 2,
      point: [(yy * xv - xy * yv) / determinant, (xx * yv - xy * xv) / determinant],
    };
  return { activations, tells: on.length ? 1 : 0, point: null };
}

// The part of the convex polygon `corners` where `normal` · p ≤ `limit`.
export function clip(corners, normal, limit) {
  const out = [];
  corners.forEach((corner, i) => {
    const next = corners[(i + 1) % corners.length];
    const [here, there] = [dot(normal, corner) - limit, dot(normal, next) - limit];
    if (here <= 0) out.push(corner);
    if (here < 0 !== there < 0 && here !== 0 && there !== 0) {
      const t = here / (here - there);
      out.push([corner[0] + t * (next[0] - corner[0]), corner[1] + t * (next[1] - corner[1])]);
    }
  });
  return out;
}

// All points of the square |x|, |y| ≤ reach whose activations are the same as the given point's: a
// polygon where no unit is on, a stretch of a line where one is, the point alone where two are.
export function alike(units, point, reach) {
  let corners = [[-reach, -reach], [reach, -reach], [reach, reach], [-reach, reach]];
  const { activations, tells } = kept(units, point);
  if (tells === 2) return [point];
  if (tells === 1) {
    const unit = units[activations.findIndex((value) => value > 0)];
    const along = [-unit[1], unit[0]];
    const ends = [-4 * reach, 4 * reach].map((t) => [point[0] + t * along[0], point[1] + t * along[1]]);
    corners = [[1, 0], [0, 1], [-1, 0], [0, -1]].reduce((line, side) => clip(line, side, reach), ends);
  }
  units.forEach((unit, k) => {
    if (activations[k] === 0) corners = clip(corners, unit, 0);
  });
  return corners;
}

// --------------------------------------------------------------------- crowd

// Mean, spread (standard deviation), and the share of exact zeros.
export function describe(values) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  const zeros = values.reduce((sum, value) => sum + (value === 0), 0) / values.length;
  return { mean, spread: Math.sqrt(variance), zeros };
}

// Counts of values in `bins` equal bins of [low, high); what lies outside goes to the end bins.
export function histogram(values, low, high, bins) {
  const counts = new Array(bins).fill(0);
  for (const value of values) {
    const bin = Math.floor(((value - low) / (high - low)) * bins);
    counts[Math.min(bins - 1, Math.max(0, bin))] += 1;
  }
  return counts;
}
