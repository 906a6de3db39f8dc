
// The interactive plane, part 1: the numbers. Reads the page's data block into plain lists.
//
// A model has `times` (all times at which any run has a checkpoint, ascending) and `groups` (runs and means). A group
// has its own `times`, `latest` (for each of the model's times the position of its last checkpoint until then, or -1)
// and `planes` by estimator. A plane has, by layer, x and y: lists of `value`, `error`, `low` and `high` over the group's
// checkpoints, NaN where nothing is known; and `flags`, in words.

/** The model, or null where the page carries no plane. */
function readPlane() {
  const block = document.getElementById("plane-data");
  if (!block) return null;
  const model = JSON.parse(block.textContent);
  const [wall, ceiling] = model.limits;
  model.wall = wall && { name: wall[0], value: wall[1] };
  model.ceiling = ceiling && { name: ceiling[0], value: ceiling[1] };
  model.groups = model.groups.map(group => readGroup(group, model));
  model.times = [...new Set(model.groups.flatMap(group => group.times))].sort((a, b) => a - b);
  for (const group of model.groups) {
    let own = -1;
    group.latest = model.times.map(time => {
      while (own + 1 < group.times.length && group.times[own + 1] <= time) own += 1;
      return own;
    });
  }
  return model;
}

function readGroup(packed, model) {
  const group = { name: packed.name, mean: packed.mean, times: runningSums(packed.times), planes: new Map() };
  for (const { estimator, digits, layers } of packed.planes) {
    const plane = new Map();
    for (const { layer, x, y, flags } of layers) {
      plane.set(layer, {
        x: readSeries(x, digits[0]),
        y: readSeries(y, digits[1]),
        flags: group.times.map((_, i) => (flags ? model.flags[flags[i]] : "")),
      });
    }
    group.planes.set(estimator, plane);
  }
  return group;
}

function runningSums(steps) {
  let sum = 0;
  return steps.map(step => (sum += step));
}

/** Whole numbers in units of 10^-digits, the values as differences, become numbers. */
function readSeries({ v, e, low, high }, digits) {
  const unit = 10 ** digits;
  const number = whole => (whole === null ? NaN : whole / unit);
  const numbers = list => (list ? list.map(number) : v.map(() => NaN));
  let sum = 0;
  const value = v.map(step => (step === null ? NaN : (sum += step) / unit));
  return {
    value,
    error: numbers(e),
    low: numbers(low).map((below, i) => value[i] - below),
    high: numbers(high).map((above, i) => value[i] + above),
  };
}

/** Where a value lies on an axis, from 0 to 1 and beyond. */
function placeOn(axis, value) {
  const stretch = v => (axis.log ? Math.log1p(Math.max(v, 0)) : v);
  return (stretch(value) - stretch(axis.low)) / (stretch(axis.high) - stretch(axis.low));
}

/** Three decimals, as in the tables of the page; powers of ten for what these cannot show. */
function shownNumber(value) {
  if (Number.isNaN(value)) return "none";
  const size = Math.abs(value);
  const text = (size !== 0 && size < 5e-4) || size >= 1e7 ? value.toExponential(1) : value.toFixed(3);
  return text.replaceAll("-", "−");
}

/** A quantity at a checkpoint with its uncertainty, such as "3.210 ± 0.040 bits (95 %: 3.130 to 3.290)". */
function shownQuantity(series, at, unit = "") {
  let text = shownNumber(series.value[at]);
  if (!Number.isNaN(series.error[at])) text += ` ± ${shownNumber(series.error[at])}`;
  if (unit) text += ` ${unit}`;
  const [low, high] = [series.low[at], series.high[at]];
  if (!Number.isNaN(low)) text += ` (95 %: ${shownNumber(low)} to ${shownNumber(high)})`;
  return text;
}

/** The position of the value nearest to `wanted` in an ascending list, seen on an axis. */
function nearestOn(axis, values, wanted) {
  let best = 0;
  values.forEach((value, i) => {
    if (Math.abs(placeOn(axis, value) - wanted) < Math.abs(placeOn(axis, values[best]) - wanted)) best = i;
  });
  return best;
}
