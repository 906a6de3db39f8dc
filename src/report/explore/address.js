
// Part 5: the view as a fragment of the page's address, such as `#explore&epoch=120&runs=0,1&trail=all`.

/** The fragment for a view. */
function writeView(view) {
  const list = set => [...set].sort((a, b) => a - b).join(",");
  const parts = new URLSearchParams({
    [view.model.clock]: view.time(),
    runs: list(view.groups),
    estimators: list(view.estimators),
    layers: list(view.layers),
    trail: view.trailBox.value,
    speed: view.speedBox.value,
  });
  return `#explore&${parts}`.replaceAll("%2C", ",");
}

/** Sets a view from a fragment, ignoring what does not exist; says whether it was one. What is left out stays. */
function readView(view, fragment) {
  const [name, ...rest] = fragment.split("&");
  if (name !== "#explore" || rest.length === 0) return false;
  const parts = new URLSearchParams(rest.join("&"));
  const { model } = view;
  for (const [key, kind] of [["runs", "groups"], ["estimators", "estimators"], ["layers", "layers"]]) {
    if (!parts.has(key)) continue;
    const numbers = parts.get(key).split(",").filter(part => /^\d+$/.test(part)).map(Number);
    view[kind] = new Set(numbers.filter(i => i < model[kind].length));
  }
  const wanted = Number(parts.get(model.clock) ?? NaN);
  const distance = i => Math.abs(model.times[i] - wanted);
  const nearest = model.times.reduce((best, _, i) => (distance(i) < distance(best) ? i : best), 0);
  if (Number.isFinite(wanted)) view.index = nearest;
  for (const [key, box] of [["trail", view.trailBox], ["speed", view.speedBox]]) {
    if ([...box.options].some(option => option.value === parts.get(key))) box.value = parts.get(key);
  }
  return true;
}
