
// Part 2: what both kinds of plot are made of. Everything is SVG; text from files goes in as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

/** A new SVG element with attributes, put into `parent`. */
function draw(parent, name, attributes = {}, text = "") {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text) element.textContent = text;
  parent.append(element);
  return element;
}

/** A new HTML element with a class and a text, put into `parent`. */
function put(parent, name, kind = "", text = "") {
  const element = document.createElement(name);
  if (kind) element.className = kind;
  if (text) element.textContent = text;
  parent.append(element);
  return element;
}

const fixed = value => value.toFixed(1);

/** A drawing area between two axes: `box` in pixels, and the way from values to pixels. */
class Area {
  constructor(box, xAxis, yAxis) {
    Object.assign(this, { box, xAxis, yAxis });
  }
  x(value) {
    return this.box.left + this.box.width * placeOn(this.xAxis, value);
  }
  y(value) {
    return this.box.top + this.box.height * (1 - placeOn(this.yAxis, value));
  }
  /** Grid, axes, numbers and names; an empty `xName` leaves the numbers below out as well. */
  frame(svg, xName, yName) {
    const { left, top, width, height } = this.box;
    const bottom = top + height;
    let free = -Infinity;
    for (const [value, label] of this.xAxis.ticks) {
      const x = fixed(this.x(value));
      draw(svg, "path", { class: "grid", d: `M${x} ${top}V${bottom}` });
      // About six pixels a character: on a logarithmic axis numbers may come too close to be written.
      const half = 3.5 * label.length;
      if (!xName || x - half < free) continue;
      free = Number(x) + half + 4;
      draw(svg, "text", { class: "tick", x, y: bottom + 16, "text-anchor": "middle", "data-x": value }, label);
    }
    // Numbers at every tick, every second, … such that none touches the next.
    const ticks = this.yAxis.ticks;
    const gap = ticks.length > 1 ? this.y(ticks[0][0]) - this.y(ticks[1][0]) : height;
    const every = Math.max(1, Math.ceil(14 / gap));
    for (const [i, [value, label]] of ticks.entries()) {
      const y = this.y(value);
      draw(svg, "path", { class: "grid", d: `M${left} ${fixed(y)}H${left + width}` });
      if (i % every) continue;
      const place = { class: "tick", x: left - 6, y: fixed(y + 4), "text-anchor": "end", "data-y": value };
      draw(svg, "text", place, label);
    }
    draw(svg, "path", { class: "axis", d: `M${left} ${top}V${bottom}H${left + width}` });
    draw(svg, "text", { class: "name", x: left + width / 2, y: bottom + 34, "text-anchor": "middle" }, xName);
    const middle = fixed(top + height / 2);
    const turned = { x: 12, y: middle, "text-anchor": "middle", transform: `rotate(-90 12 ${middle})` };
    draw(svg, "text", { class: "name", ...turned }, yName);
  }
  /** A dashed line at a limit of y, named on the right; where it lies far above the data, its name alone. */
  ceiling(svg, limit) {
    if (!limit) return;
    const { left, top, width } = this.box;
    if (limit.value <= this.yAxis.high) {
      const y = this.y(limit.value);
      draw(svg, "path", { class: "limit", d: `M${left} ${fixed(y)}H${left + width}` });
      draw(svg, "text", { class: "tick", x: left + width + 5, y: fixed(y + 4) }, limit.name);
    } else {
      draw(svg, "text", { class: "tick", x: left, y: top - 6 }, `${limit.name} = ${shownLimit(limit)} ↑`);
    }
  }
  /** A dashed line at a limit of x, named above. */
  wall(svg, limit) {
    if (!limit) return;
    const { left, top, width, height } = this.box;
    const inside = limit.value <= this.xAxis.high;
    const end = { class: "tick", x: left + width, y: top - 6, "text-anchor": "end" };
    if (inside) draw(svg, "path", { class: "limit", d: `M${fixed(this.x(limit.value))} ${top}v${height}` });
    draw(svg, "text", end, `${limit.name} = ${shownLimit(limit)}${inside ? "" : " →"}`);
  }
}

const shownLimit = limit => String(Number(limit.value.toPrecision(3)));

/** Path data of a marker (given around the origin for a radius of one) at a place: only its numbers change. */
function markerAt(marker, x, y, radius) {
  let out = "";
  for (const [, command, numbers] of marker.matchAll(/([MaZ])([^MaZ]*)/g)) {
    const parts = numbers.trim().split(/\s+/).filter(Boolean).map(Number);
    // Capital M: corners, absolute. Small a: two arcs that close a circle, of which only lengths scale.
    if (command === "M") out += "M" + parts.map((v, i) => fixed(v * radius + (i % 2 ? y : x))).join(" ");
    else if (command === "a") out += "a" + parts.map((v, i) => (i >= 2 && i <= 4 ? v : fixed(v * radius))).join(" ");
    else out += "Z";
  }
  return out;
}

/** Path data through points; a point that is not a number ends one stroke and begins the next. */
function strokes(points) {
  let pen = "M";
  let data = "";
  for (const [x, y] of points) {
    if (Number.isNaN(x) || Number.isNaN(y)) pen = "M";
    else {
      data += `${pen}${fixed(x)} ${fixed(y)}`;
      pen = "L";
    }
  }
  return data;
}
