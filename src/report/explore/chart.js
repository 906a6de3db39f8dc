
// Part 4: the same numbers over time, I(X;T) above and I(T;Y) below, with a cursor at the present checkpoint.

class ChartPlot {
  constructor(parent, pane, view) {
    Object.assign(this, { pane, view, drawn: 0 });
    this.svg = draw(parent, "svg", { class: "chart" });
    this.svg.addEventListener("pointermove", event => this.point(event));
    this.svg.addEventListener("pointerleave", () => this.view.tell(null));
    this.svg.addEventListener("pointerdown", event => {
      this.svg.setPointerCapture(event.pointerId);
      this.go(event);
    });
  }

  layOut(width, height) {
    const { model } = this.view;
    const right = model.wall || model.ceiling ? 52 : 14;
    const each = (height - 22 - 42 - 20) / 2;
    const box = top => ({ left: 54, top, width: Math.max(width - 54 - right, 60), height: each });
    this.svg.replaceChildren();
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.style.height = `${height}px`;
    this.areas = [
      new Area(box(22), model.looks.time, model.looks.input[this.pane.estimator]),
      new Area(box(22 + each + 20), model.looks.time, model.looks.target),
    ];
    this.areas[0].frame(this.svg, "", `I(X;T) [${model.unit}]`);
    this.areas[1].frame(this.svg, model.clock, `I(T;Y) [${model.unit}]`);
    this.areas[0].ceiling(this.svg, model.wall);
    this.areas[1].ceiling(this.svg, model.ceiling);
    this.clips = this.areas.map(({ box }) => {
      const id = `chart-clip-${(ChartPlot.clips = (ChartPlot.clips ?? 0) + 1)}`;
      const { left, top, width: w, height: h } = box;
      draw(draw(this.svg, "clipPath", { id }), "rect", { x: left, y: top, width: w, height: h });
      return id;
    });
    this.curves = draw(this.svg, "g");
    const { box: upper } = this.areas[0];
    const { box: lower } = this.areas[1];
    // The cursor is a slider of its own: it has the focus, and says where it is.
    this.cursor = draw(this.svg, "g", { class: "cursor", role: "slider", tabindex: 0, "aria-valuemin": 0 });
    this.cursor.setAttribute("aria-label", `${model.clock} in the chart of ${this.view.title(this.pane)}`);
    this.cursor.setAttribute("aria-valuemax", model.times.length - 1);
    this.cursor.addEventListener("keydown", event => this.view.steer(event));
    const span = { y: upper.top, height: lower.top + lower.height - upper.top };
    this.pad = draw(this.cursor, "rect", { class: "pad", x: upper.left, width: upper.width, ...span });
    this.hair = draw(this.cursor, "path", { class: "hair" });
    this.dots = draw(this.svg, "g", { class: "dots" });
    this.refresh();
  }

  refresh() {
    this.curves.replaceChildren();
    this.dots.replaceChildren();
    this.present = [];
    const { times } = this.pane.group;
    for (const [layer, series] of this.pane.plane) {
      if (!this.view.layers.has(layer)) continue;
      const ink = this.view.layerInk(layer);
      [series.x, series.y].forEach((quantity, row) => {
        const area = this.areas[row];
        const clip = { "clip-path": `url(#${this.clips[row]})` };
        const at = list => times.map((time, i) => [area.x(time), area.y(list[i])]);
        if (quantity.low.every(v => !Number.isNaN(v)) && times.length > 1) {
          const band = strokes([...at(quantity.low), ...at(quantity.high).reverse()]) + "Z";
          draw(this.curves, "path", { class: "band", d: band, fill: ink, ...clip });
        }
        draw(this.curves, "path", { class: "curve", d: strokes(at(quantity.value)), stroke: ink, ...clip });
        const marker = markerAt(this.view.model.looks.layers[layer].marker, 0, 0, 4.2);
        const dot = draw(this.dots, "path", { class: "dot", d: marker, fill: ink });
        this.present.push({ area, quantity, dot });
      });
    }
    this.update();
  }

  update() {
    const { model } = this.view;
    const { at, group } = this.pane;
    const [top, bottom] = [this.areas[0].box.top, this.areas[1].box.top + this.areas[1].box.height];
    this.hair.setAttribute("d", `M${fixed(this.areas[0].x(this.view.time()))} ${top}V${bottom}`);
    this.cursor.setAttribute("aria-valuenow", this.view.moment());
    this.cursor.setAttribute("aria-valuetext", `${model.clock} ${this.view.time()}`);
    for (const { area, quantity, dot } of this.present) {
      const value = at < 0 ? NaN : quantity.value[at];
      dot.setAttribute("visibility", Number.isNaN(value) ? "hidden" : "visible");
      if (!Number.isNaN(value)) {
        dot.setAttribute("transform", `translate(${fixed(area.x(group.times[at]))} ${fixed(area.y(value))})`);
      }
    }
  }

  /** The time under the pointer, as a place on the axis from 0 to 1. */
  across(event) {
    const { left, width } = this.areas[0].box;
    return (event.clientX - this.svg.getBoundingClientRect().left - left) / width;
  }

  go(event) {
    const { model } = this.view;
    this.view.goTo(model.times[nearestOn(model.looks.time, model.times, this.across(event))]);
  }

  /** Tells of the nearest curve; with the button held down, the pointer drags the cursor. */
  point(event) {
    if (event.buttons & 1) this.go(event);
    const { group, plane } = this.pane;
    const at = nearestOn(this.view.model.looks.time, group.times, this.across(event));
    const py = event.clientY - this.svg.getBoundingClientRect().top;
    let best = null;
    for (const [layer, series] of plane) {
      if (!this.view.layers.has(layer)) continue;
      [series.x, series.y].forEach((quantity, row) => {
        const y = this.areas[row].y(quantity.value[at]);
        const distance = Math.abs(y - py);
        if (distance <= REACH && (!best || distance < best.distance)) {
          best = { layer, at, x: this.areas[row].x(group.times[at]), y, distance };
        }
      });
    }
    this.view.tell(best && { pane: this.pane, ...best, svg: this.svg });
  }
}
