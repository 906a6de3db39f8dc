
// Part 6: the state of the view and its controls. Without this script the section stays hidden.

/** Planes shown at most; more could neither be compared nor drawn in time. */
const MOST_PANES = 12;
/** Runs shown at first. */
const FIRST_RUNS = 3;
/** Points that are read out when the view changes. */
const MOST_SAID = 8;

class Explorer {
  constructor(model) {
    this.model = model;
    this.dark = matchMedia("(prefers-color-scheme: dark)");
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
    this.at = Object.fromEntries(
      ["groups", "estimators", "layers"].map(kind => [kind, document.getElementById(`choose-${kind}`)]));
    const ids = ["panes", "play", "moment", "speed", "trail", "ramp"];
    for (const id of ids) this[`${id}Box`] = document.getElementById(id);
    this.tip = document.getElementById("explore-tip");
    this.panes = [];
    this.playing = false;
    this.reset();
    this.buildChoices();
    this.listen();
    // The view that one finds needs no address.
    this.written = writeView(this);
    this.restore();
    this.change();
  }

  /** The view that one finds: the end of the training, the first estimator, a few runs, all layers. */
  reset() {
    const first = (list, most) => new Set(list.slice(0, most).keys());
    this.index = this.model.times.length - 1;
    this.groups = first(this.model.groups, FIRST_RUNS);
    this.estimators = first(this.model.estimators, 1);
    this.layers = first(this.model.layers, Infinity);
    this.trailBox.value = "fading";
    this.speedBox.value = this.calm.matches ? "2" : "10";
  }

  // What plots ask of the view.

  time() {
    return this.model.times[this.index];
  }
  moment() {
    return this.index;
  }
  trail() {
    return this.trailBox.value;
  }
  title({ group, estimator }) {
    return [group.name || "the run", this.model.estimators[estimator][0]].join(", ");
  }
  scheme(ink) {
    return this.dark.matches && !matchMedia("print").matches ? ink.dark : ink.light;
  }
  layerInk(layer) {
    return this.scheme(this.model.looks.layers[layer].ink);
  }
  /** The colour of a time: the same as in the figures. */
  ink(time) {
    const { epochs, log_colours: log, time: axis } = this.model.looks;
    const share = Math.min(Math.max(placeOn({ ...axis, log }, time), 0), 1);
    return this.scheme(epochs[Math.round(share * (epochs.length - 1))]);
  }
  /** What is known of a point: its layer and time, the two informations, its flags. */
  words({ group, plane }, layer, at) {
    const { x, y, flags } = plane.get(layer);
    const { model } = this;
    const words = [`${model.layers[layer]}, ${model.clock} ${group.times[at]}`];
    words.push(`I(X;T) ${shownQuantity(x, at, model.unit)}`, `I(T;Y) ${shownQuantity(y, at, model.unit)}`);
    if (flags[at]) words.push(flags[at]);
    return words;
  }

  // The controls.

  buildChoices() {
    const { model } = this;
    const names = {
      groups: model.groups.map(group => (group.mean ? `${group.name} (mean)` : group.name || "(without a name)")),
      estimators: model.estimators.map(([label]) => label),
      layers: model.layers,
    };
    for (const [kind, box] of Object.entries(this.at)) {
      const row = put(box, "div", "row");
      const list = put(row, "div", "list");
      names[kind].forEach((name, i) => {
        const label = put(list, "label");
        const tick = put(label, "input");
        tick.type = "checkbox";
        tick.addEventListener("change", () => {
          this[kind][tick.checked ? "add" : "delete"](i);
          this.change();
        });
        if (kind === "layers") {
          const glyph = draw(label, "svg", { class: "glyph", viewBox: "-8 -8 16 16", "aria-hidden": true });
          draw(glyph, "path", { d: markerAt(model.looks.layers[i].marker, 0, 0, 5) });
        }
        const text = put(label, "span", "", name);
        text.title = kind === "estimators" ? model.estimators[i][1] : name;
      });
      if (names[kind].length > 2) {
        for (const word of ["all", "none"]) {
          const button = put(row, "button", "few", word);
          button.type = "button";
          button.setAttribute("aria-label", `${word} ${kind === "groups" ? "runs" : kind}`);
          button.addEventListener("click", () => {
            this[kind] = new Set(word === "all" ? names[kind].keys() : []);
            this.change();
          });
        }
      }
      box.hidden = names[kind].length < 2;
    }
  }

  listen() {
    this.momentBox.max = this.model.times.length - 1;
    this.momentBox.addEventListener("input", () => this.move(Number(this.momentBox.value)));
    this.momentBox.addEventListener("keydown", event => event.key === " " && this.steer(event));
    this.playBox.addEventListener("click", () => this.play(!this.playing));
    const step = by => () => this.move(this.index + by);
    document.getElementById("step-back").addEventListener("click", step(-1));
    document.getElementById("step-on").addEventListener("click", step(1));
    this.trailBox.addEventListener("change", () => this.show());
    this.speedBox.addEventListener("change", () => this.remember());
    document.getElementById("explore-values").addEventListener("toggle", () => this.list());
    for (const scheme of [this.dark, matchMedia("print")]) scheme.addEventListener("change", () => this.recolour());
    addEventListener("hashchange", () => this.restore() && this.change());
    let width = this.panesBox.clientWidth;
    new ResizeObserver(() => {
      if (this.panesBox.clientWidth !== width) requestAnimationFrame(() => this.layOut());
      width = this.panesBox.clientWidth;
    }).observe(this.panesBox);
  }

  /** What keys do on a plane and on a chart. */
  steer(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const last = this.model.times.length - 1;
    const page = Math.max(1, Math.round(last / 10));
    const targets = {
      ArrowLeft: this.index - 1, ArrowRight: this.index + 1, ArrowDown: this.index - 1, ArrowUp: this.index + 1,
      PageDown: this.index - page, PageUp: this.index + page, Home: 0, End: last,
    };
    if (event.key === " ") this.play(!this.playing);
    else if (event.key in targets) this.move(targets[event.key]);
    else return;
    event.preventDefault();
  }

  /** Goes to a time that the reader asked for, which ends the playing. */
  goTo(time) {
    this.move(this.model.times.indexOf(time));
  }
  move(index) {
    this.play(false);
    this.index = Math.min(Math.max(index, 0), this.model.times.length - 1);
    this.show();
  }

  play(on) {
    if (on === this.playing) return;
    this.playing = on;
    this.playBox.textContent = on ? "❚❚" : "▶";
    this.playBox.setAttribute("aria-label", on ? "Pause" : "Play");
    const last = this.model.times.length - 1;
    if (!on) return this.show();
    if (this.index === last) this.index = 0;
    let [before, due] = [performance.now(), 0];
    const frame = now => {
      if (!this.playing) return;
      // After a pause of the browser's own, such as another tab, it goes on from where it was.
      due += (Math.min(now - before, 250) * Number(this.speedBox.value)) / 1000;
      before = now;
      if (due >= 1) {
        this.index = Math.min(this.index + Math.floor(due), last);
        due %= 1;
        if (this.index === last) return this.play(false);
        this.show();
      }
      requestAnimationFrame(frame);
    };
    this.show();
    requestAnimationFrame(frame);
  }

  // Showing.

  /** Other runs, estimators or layers: the panes are made anew. */
  change() {
    for (const [kind, box] of Object.entries(this.at)) {
      box.querySelectorAll("input").forEach((tick, i) => (tick.checked = this[kind].has(i)));
    }
    const wanted = [...this.groups].sort((a, b) => a - b).flatMap(g =>
      [...this.estimators].sort((a, b) => a - b).map(estimator => ({ group: this.model.groups[g], estimator })));
    const there = wanted.filter(({ group, estimator }) => group.planes.has(estimator));
    const note = document.getElementById("explore-note");
    note.textContent = "";
    if (there.length === 0) note.textContent = "Nothing is chosen: tick a run and an estimator that it has.";
    if (there.length > MOST_PANES) {
      note.textContent = `The first ${MOST_PANES} of ${there.length} planes; untick runs or estimators to see others.`;
    }
    this.panesBox.replaceChildren();
    this.panes = there.slice(0, MOST_PANES).map(({ group, estimator }) => {
      const pane = { group, estimator, plane: group.planes.get(estimator), at: -1 };
      const box = put(this.panesBox, "article", "pane");
      const head = put(box, "h3", "", group.name || "");
      put(head, "small", "", this.model.estimators[estimator][1]).title = this.model.estimators[estimator][1];
      const plots = put(box, "div", "plots");
      pane.plots = [PlanePlot, ChartPlot].map(Plot => new Plot(put(plots, "div"), pane, this));
      return pane;
    });
    this.panesBox.dataset.count = Math.min(this.panes.length, 3);
    this.layOut();
  }

  layOut() {
    this.place();
    for (const { plots } of this.panes) {
      const [plane, chart] = plots.map(plot => plot.svg.parentElement);
      const fit = (box, share, low, high) => Math.min(Math.max(share * box.clientWidth, low), high);
      const height = fit(plane, 0.7, 250, 380);
      // A chart below its plane is lower, so that both fit a window.
      const beside = plane.offsetTop === chart.offsetTop;
      plots[0].layOut(Math.max(plane.clientWidth, 200), height);
      plots[1].layOut(Math.max(chart.clientWidth, 200), beside ? height : fit(chart, 0.6, 260, 290));
    }
    this.paint();
    this.show();
  }

  recolour() {
    this.place();
    for (const { plots } of this.panes) plots.forEach(plot => plot.refresh());
    this.paint();
    this.show();
  }

  /** The colours of the slider's bar and of the layers' markers beside their names. */
  paint() {
    const { times } = this.model;
    const stops = Array.from({ length: 33 }, (_, i) => this.ink(times[Math.round((i / 32) * (times.length - 1))]));
    this.rampBox.style.background = `linear-gradient(to right, ${stops.join(", ")})`;
    this.at.layers.querySelectorAll(".glyph path").forEach((path, layer) => (path.style.fill = this.layerInk(layer)));
  }

  /** Finds each pane's checkpoint. */
  place() {
    for (const pane of this.panes) pane.at = pane.group.latest[this.index];
  }

  /** Draws the present moment. While it plays, nothing is read out and the address is left alone. */
  show() {
    this.place();
    const { model } = this;
    const place = `${this.index + 1} of ${model.times.length}`;
    this.momentBox.value = this.index;
    this.momentBox.setAttribute("aria-valuetext", `${model.clock} ${this.time()}, checkpoint ${place}`);
    document.getElementById("moment-said").textContent = `${this.time()} (${place})`;
    for (const { plots } of this.panes) plots.forEach(plot => plot.update());
    this.list();
    if (this.playing) return;
    clearTimeout(this.later);
    // A key that is held down is one change, not thirty; and browsers limit how often the address may change.
    this.later = setTimeout(() => (this.say(), this.remember()), 250);
  }

  points() {
    return this.panes.flatMap(pane => pane.plots[0].layers().filter(() => pane.at >= 0).map(layer => [pane, layer]));
  }

  say() {
    const points = this.points();
    const said = points.slice(0, MOST_SAID).map(([pane, layer]) => {
      const { x, y } = pane.plane.get(layer);
      const name = this.panes.length > 1 ? `${this.title(pane)}, ` : "";
      const [input, target] = [x, y].map(series => shownNumber(series.value[pane.at]));
      return `${name}${this.model.layers[layer]}: ${input} and ${target}`;
    });
    if (points.length > MOST_SAID) said.push(`${points.length - MOST_SAID} more in the table below`);
    const head = `${this.model.clock} ${this.time()}. I(X;T) and I(T;Y) in ${this.model.unit}.`;
    document.getElementById("explore-live").textContent = `${head} ${said.join("; ")}`;
  }

  /** Fills the table, where it is open. */
  list() {
    const details = document.getElementById("explore-values");
    if (!details.open) return;
    const body = details.querySelector("tbody");
    body.replaceChildren();
    for (const [pane, layer] of this.points()) {
      const { x, y, flags } = pane.plane.get(layer);
      const row = body.insertRow();
      const names = [pane.group.name, this.model.estimators[pane.estimator][0], this.model.layers[layer]];
      for (const name of names) put(row, "td", "w", name);
      put(row, "td", "n", String(pane.group.times[pane.at]));
      for (const series of [x, y]) put(row, "td", "n", shownQuantity(series, pane.at));
      put(row, "td", "f", flags[pane.at]);
    }
  }

  /** Shows what is known of a point beside it, or nothing. */
  tell(found) {
    this.tip.hidden = !found;
    if (!found) return;
    this.tip.replaceChildren();
    const words = this.words(found.pane, found.layer, found.at);
    words.forEach((line, i) => put(this.tip, i === 0 ? "strong" : "div", "", line));
    const section = this.tip.offsetParent.getBoundingClientRect();
    const frame = found.svg.getBoundingClientRect();
    const [x, y] = [frame.left - section.left + found.x, frame.top - section.top + found.y];
    const { offsetWidth: width, offsetHeight: height } = this.tip;
    const left = x + 14 + width > section.width ? x - 14 - width : x + 14;
    this.tip.style.left = `${Math.max(0, Math.min(left, section.width - width))}px`;
    // Above the point, or below it where the bar at the top of the window would cover it.
    const above = frame.top + found.y - height - 12 > 48;
    this.tip.style.top = `${above ? y - height - 12 : y + 16}px`;
  }

  /** Writes the view into the page's address, once the reader has changed it. */
  remember() {
    const fragment = writeView(this);
    if (fragment === this.written) return;
    this.written = fragment;
    try {
      history.replaceState(null, "", fragment);
    } catch {
      // Some browsers refuse where they have been asked too often: the next change tries again.
      this.written = null;
    }
  }

  /** Takes the view from the page's address; says whether there was one. */
  restore() {
    if (!readView(this, location.hash)) return false;
    this.written = location.hash;
    document.getElementById("explore").scrollIntoView();
    return true;
  }
}

const planeModel = readPlane();
if (planeModel) {
  for (const part of document.querySelectorAll(".scripted")) part.hidden = false;
  new Explorer(planeModel);
}
