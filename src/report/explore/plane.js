
// Part 3: the plane of one run as one estimator sees it: earlier checkpoints as a trail, the present one on top.

/** Checkpoints that a trail shows at most; more would neither be told apart nor drawn in time. */
const LONGEST_TRAIL = 240;
/** Checkpoints behind the present one over which a fading trail fades. */
const FADING = 24;
/** Pixels around a marker that belong to it under the pointer. */
const REACH = 16;

class PlanePlot {
  /**
   * `view` is the page's: it says which layers are shown and in which colours, and is told what is pointed at.
   *
   * `pane` is what is drawn: group, plane, estimator, and the checkpoint `at` now.
   */
  constructor(parent, pane, view) {
    Object.assign(this, { pane, view, trail: new Map(), lit: new Map(), markers: new Map() });
    this.svg = draw(parent, "svg", { class: "plane", role: "application" });
    this.svg.setAttribute("aria-label", `Information plane of ${view.title(pane)}`);
    this.svg.setAttribute("aria-describedby", "explore-help");
    this.svg.addEventListener("pointermove", event => this.point(event));
    this.svg.addEventListener("pointerdown", event => this.point(event));
    this.svg.addEventListener("pointerleave", () => this.view.tell(null));
    this.svg.addEventListener("click", event => this.follow(event));
    this.svg.addEventListener("keydown", event => this.key(event));
  }

  /** Draws everything anew for a size in pixels. */
  layOut(width, height) {
    const { model } = this.view;
    const right = model.ceiling ? 40 : 14;
    const box = { left: 54, top: 22, width: Math.max(width - 54 - right, 60), height: height - 22 - 42 };
    this.svg.replaceChildren();
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.style.height = `${height}px`;
    this.area = new Area(box, model.looks.input[this.pane.estimator], model.looks.target);
    this.area.frame(this.svg, `I(X;T) [${model.unit}]`, `I(T;Y) [${model.unit}]`);
    this.area.ceiling(this.svg, model.ceiling);
    this.area.wall(this.svg, model.wall);
    // Intervals may be wider than the plane; markers are not, and stay whole at its edges.
    this.clip = `plane-clip-${(PlanePlot.clips = (PlanePlot.clips ?? 0) + 1)}`;
    const rect = { x: box.left, y: box.top, width: box.width, height: box.height };
    draw(draw(this.svg, "clipPath", { id: this.clip }), "rect", rect);
    this.trailed = draw(this.svg, "g", { class: "trail" });
    this.ring = draw(this.svg, "circle", { class: "ring", r: 10, visibility: "hidden" });
    this.present = draw(this.svg, "g", { class: "present" });
    this.refresh();
  }

  /** Draws the layers anew: others are shown, or the colours have changed. */
  refresh() {
    this.trailed.replaceChildren();
    this.trail.clear();
    this.lit.clear();
    this.present.replaceChildren();
    this.markers.clear();
    this.line = draw(this.present, "path", { class: "thread" });
    for (const layer of this.layers()) {
      const whisker = draw(this.present, "path", { class: "whisker", "clip-path": `url(#${this.clip})` });
      const marker = draw(this.present, "path", { class: "marker", role: "img", tabindex: -1, "data-layer": layer });
      marker.setAttribute("d", markerAt(this.view.model.looks.layers[layer].marker, 0, 0, 6));
      marker.addEventListener("focus", () => this.hold(layer));
      marker.addEventListener("blur", () => this.view.tell(null));
      this.markers.set(layer, { marker, whisker });
    }
    this.update();
  }

  layers() {
    return [...this.pane.plane.keys()].filter(layer => this.view.layers.has(layer));
  }

  /** Pixels of a layer at a checkpoint; NaN where a value is missing. */
  place(layer, at) {
    const { x, y } = this.pane.plane.get(layer);
    return [this.area.x(x.value[at]), this.area.y(y.value[at])];
  }

  /** Moves to the pane's checkpoint: only what changed is touched. */
  update() {
    const { at, group } = this.pane;
    const ink = at < 0 ? "none" : this.view.ink(group.times[at]);
    // A run without a checkpoint at this very time shows its last one, hollow.
    const exact = at >= 0 && group.times[at] === this.view.time();
    const places = this.layers().map(layer => [layer, at < 0 ? [NaN, NaN] : this.place(layer, at)]);
    this.line.setAttribute("d", strokes(places.map(([, place]) => place)));
    this.present.style.color = ink;
    this.present.classList.toggle("past", !exact);
    let reachable = null;
    for (const [layer, [x, y]] of places) {
      const { marker, whisker } = this.markers.get(layer);
      const there = !Number.isNaN(x) && !Number.isNaN(y);
      marker.setAttribute("visibility", there ? "visible" : "hidden");
      whisker.setAttribute("d", there ? this.whiskers(layer, at, x, y) : "");
      if (!there) continue;
      marker.setAttribute("transform", `translate(${fixed(x)} ${fixed(y)})`);
      marker.setAttribute("aria-label", this.view.words(this.pane, layer, at).join(", "));
      // One stop of the Tab key a plane: the layer that had the focus last, else the first.
      if (reachable === null || layer === this.chosen) reachable = layer;
    }
    for (const [layer, { marker }] of this.markers) marker.setAttribute("tabindex", layer === reachable ? 0 : -1);
    this.leaveTrail();
    const held = [...this.markers].find(([, { marker }]) => marker === document.activeElement);
    if (held) this.hold(held[0]);
    else this.light(null);
  }

  /** Path data of the 95 % intervals of a point, or of one standard error to both sides. */
  whiskers(layer, at, x, y) {
    const own = this.pane.plane.get(layer);
    const ends = ({ value, error, low, high }) =>
      Number.isNaN(low[at]) ? [value[at] - error[at], value[at] + error[at]] : [low[at], high[at]];
    const across = ends(own.x).map(v => [this.area.x(v), y]);
    const along = ends(own.y).map(v => [x, this.area.y(v)]);
    return strokes(across) + strokes(along);
  }

  /** Shows the earlier checkpoints as the trail asks for, each drawn when it is first needed. */
  leaveTrail() {
    const { at, group } = this.pane;
    const wanted = new Map();
    const kind = this.view.trail();
    const every = kind === "all" ? Math.ceil(group.times.length / LONGEST_TRAIL) : 1;
    const first = kind === "all" ? 0 : Math.max(0, at - FADING);
    // As in the figures, many lie lighter than few.
    const faint = (at - first) / every > 40 ? 0.3 : 0.5;
    if (kind !== "none") {
      for (let i = first; i < at; i += every) wanted.set(i, kind === "all" ? faint : 0.6 * (1 - (at - i) / (FADING + 1)));
    }
    for (const i of this.lit.keys()) {
      if (!wanted.has(i)) this.trail.get(i).setAttribute("visibility", "hidden");
    }
    for (const [i, opacity] of wanted) {
      if (this.lit.get(i) === opacity) continue;
      if (!this.trail.has(i)) this.trail.set(i, this.checkpoint(i));
      this.trail.get(i).setAttribute("visibility", "visible");
      this.trail.get(i).setAttribute("opacity", opacity.toFixed(3));
    }
    this.lit = wanted;
  }

  /** One earlier checkpoint: all its markers are a single path, since they share a colour. */
  checkpoint(i) {
    const ink = this.view.ink(this.pane.group.times[i]);
    const places = this.layers().map(layer => [layer, ...this.place(layer, i)]);
    const marks = places.filter(([, x, y]) => !Number.isNaN(x) && !Number.isNaN(y));
    const group = draw(this.trailed, "g");
    group.style.color = ink;
    draw(group, "path", { class: "thread", d: strokes(places.map(([, x, y]) => [x, y])) });
    const looks = this.view.model.looks.layers;
    const shapes = marks.map(([layer, x, y]) => markerAt(looks[layer].marker, x, y, 3.6));
    draw(group, "path", { class: "marks", d: shapes.join("") });
    return group;
  }

  /** The visible point nearest to the pointer, within reach. */
  under(event) {
    const frame = this.svg.getBoundingClientRect();
    const [px, py] = [event.clientX - frame.left, event.clientY - frame.top];
    let best = null;
    for (const at of [this.pane.at, ...this.lit.keys()]) {
      if (at < 0) continue;
      for (const layer of this.layers()) {
        const [x, y] = this.place(layer, at);
        const distance = Math.hypot(x - px, y - py);
        if (distance <= REACH && (!best || distance < best.distance)) best = { layer, at, x, y, distance };
      }
    }
    return best;
  }

  point(event) {
    const found = this.under(event);
    this.light(found);
    this.view.tell(found && { pane: this.pane, ...found, svg: this.svg });
  }

  /** A click on an earlier point goes to its checkpoint. */
  follow(event) {
    const found = this.under(event);
    if (found && found.at !== this.pane.at) this.view.goTo(this.pane.group.times[found.at]);
  }

  /** Tells of the point that has the focus. */
  hold(layer) {
    this.chosen = layer;
    const [x, y] = this.pane.at < 0 ? [NaN, NaN] : this.place(layer, this.pane.at);
    if (Number.isNaN(x) || Number.isNaN(y)) return;
    this.light({ x, y });
    this.view.tell({ pane: this.pane, layer, at: this.pane.at, x, y, svg: this.svg });
  }

  light(place) {
    this.ring.setAttribute("visibility", place ? "visible" : "hidden");
    if (place) this.ring.setAttribute("cx", fixed(place.x));
    if (place) this.ring.setAttribute("cy", fixed(place.y));
  }

  key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      const visible = layer => this.markers.get(layer).marker.getAttribute("visibility") === "visible";
      const there = this.layers().filter(visible);
      const next = there[there.indexOf(this.chosen) + step];
      if (next !== undefined) this.markers.get(next).marker.focus({ preventScroll: true });
      event.preventDefault();
    } else {
      this.view.steer(event);
    }
  }
}
