"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const features = data.features;
  const PAGE = 100;
  const byId = (id) => document.getElementById(id);
  const [search, sort, dead, list, more, count, panel] =
    ["search", "sort", "dead", "features", "more", "count", "feature"].map(byId);
  let order = [];
  let shown = PAGE;
  let current = null;

  const make = (tag, attributes, ...children) => {
    const element = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes || {})) element.setAttribute(key, value);
    element.append(...children.filter((c) => c !== null && c !== undefined));
    return element;
  };
  const drawn = (tag, attributes, text) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const number = (value, digits = 3) =>
    value === null || value === undefined ? "" : value.toLocaleString("en", { maximumSignificantDigits: digits, useGrouping: false });
  const percent = (share) => (share === 0 ? "never" : `${number(100 * share)} %`);
  const density = (feature) => feature.f / data.samples;
  const title = (j) => features[j].n || "";
  const pairs = (flat, size = 2) => {
    const found = [];
    for (let i = 0; i < flat.length; i += size) found.push(flat.slice(i, i + size));
    return found;
  };

  // What a search looks through, made when somebody searches: names, and the words of the strongest examples.
  const words = [];
  const text = (j) => {
    if (words[j] === undefined) {
      const of = (flat) => pairs(flat).map(([s]) => (data.texts ? data.texts[s] : "")).join(" ");
      words[j] = `${title(j)} ${features[j].w || ""} ${of(features[j].e)}`.toLowerCase();
    }
    return words[j];
  };

  const ORDERS = {
    number: (a, b) => a - b,
    density: (a, b) => features[b].f - features[a].f || a - b,
    rare: (a, b) => features[a].f - features[b].f || a - b,
    name: (a, b) => (title(a) === "") - (title(b) === "") || title(a).localeCompare(title(b)) || a - b,
    score: (a, b) => (features[b].s ?? -2) - (features[a].s ?? -2) || a - b,
    margin: (a, b) => (features[b].m ?? -2) - (features[a].m ?? -2) || a - b,
  };

  const choose = () => {
    const query = search.value.trim().toLowerCase();
    const exact = /^\d+$/.test(query) ? Number(query) : null;
    order = features.map((_, j) => j).filter((j) => {
      if (exact !== null && j === exact) return true;
      if (!dead.checked && features[j].f === 0) return false;
      return query === "" || text(j).includes(query);
    });
    order.sort(ORDERS[sort.value]);
    if (query !== "") {
      // Those that are called so go before those whose examples say so.
      const rank = (j) => (j === exact ? 0 : title(j).toLowerCase() === query ? 1 : title(j).toLowerCase().includes(query) ? 2 : 3);
      order.sort((a, b) => rank(a) - rank(b));
    }
    shown = PAGE;
    fill();
  };

  const fill = () => {
    const entries = order.slice(0, shown).map((j) =>
      make("li", null, make("a", { href: `#f=${j}`, "data-feature": j, "aria-current": j === current },
        make("span", { class: "id" }, `${j}`),
        make("span", { class: "title" }, title(j) || "–"),
        make("span", { class: "density" }, percent(density(features[j]))))));
    list.replaceChildren(...entries);
    more.hidden = order.length <= shown;
    more.textContent = `Show ${Math.min(PAGE, order.length - shown)} more`;
    count.textContent = `${order.length} of ${features.length} features`;
  };

  const histogram = (feature) => {
    const [width, height, bins] = [360, 110, feature.h.length];
    const top = Math.max(...feature.h);
    const label = `Histogram of ${feature.f} activations from 0 to ${number(feature.x)}`;
    const svg = drawn("svg", { viewBox: `0 0 ${width} ${height + 18}`, role: "img", "aria-label": label });
    feature.h.forEach((n, b) => {
      const tall = (n / top) * (height - 14);
      const bar = drawn("rect", { x: (b * width) / bins + 0.5, y: height - tall, width: width / bins - 1, height: tall });
      bar.append(drawn("title", {}, `${number((b * feature.x) / bins)} to ${number(((b + 1) * feature.x) / bins)}: ${n}`));
      svg.append(bar);
    });
    svg.append(drawn("line", { x1: 0, x2: width, y1: height, y2: height }));
    svg.append(drawn("text", { x: 0, y: height + 13 }, "0"));
    svg.append(drawn("text", { x: width, y: height + 13, "text-anchor": "end" }, number(feature.x)));
    svg.append(drawn("text", { x: 0, y: 10 }, `${top} samples`));
    return svg;
  };

  const label = (s) => (data.labels ? data.classes[data.labels[s]] : "");
  const examples = (flat) => {
    const found = pairs(flat);
    if (data.images) {
      return make("ul", { class: "images" }, ...found.map(([s, v]) =>
        make("li", null,
          make("img", { src: `data:image/png;base64,${data.images[s]}`, alt: `row ${data.rows[s]}${label(s) ? `, ${label(s)}` : ""}` }),
          number(v), label(s) ? make("br") : null, label(s), data.texts ? ` ${data.texts[s]}` : null)));
    }
    const head = [make("th", { class: "value", scope: "col" }, "activation")];
    if (data.texts) head.push(make("th", { scope: "col" }, "text"));
    if (data.labels) head.push(make("th", { class: "class", scope: "col" }, "class"));
    head.push(make("th", { class: "row", scope: "col" }, "row"));
    const rows = found.map(([s, v]) => {
      const cells = [make("td", { class: "value" }, number(v))];
      if (data.texts) cells.push(make("td", null, data.texts[s]));
      if (data.labels) cells.push(make("td", { class: "class" }, label(s)));
      cells.push(make("td", { class: "row" }, `${data.rows[s]}`));
      return make("tr", null, ...cells);
    });
    return make("table", null, make("thead", null, make("tr", null, ...head)), make("tbody", null, ...rows));
  };

  const others = (flat, heading) => {
    const rows = pairs(flat).map(([j, v]) =>
      make("tr", null, make("td", { class: "value" }, number(v)),
        make("td", null, make("a", { href: `#f=${j}` }, `${j}`), ` ${title(j)}`),
        make("td", { class: "row" }, percent(density(features[j])))));
    const head = make("tr", null, make("th", { class: "value", scope: "col" }, heading), make("th", { scope: "col" }, "feature"),
      make("th", { class: "row", scope: "col" }, "active"));
    return make("table", null, make("thead", null, head), make("tbody", null, ...rows));
  };

  const effects = (flat) => {
    const found = pairs(flat, 3);
    const most = Math.max(...found.map(([, v]) => Math.abs(v)), 1e-12);
    const head = make("tr", null, make("th", { scope: "col" }, "class"), make("th", { class: "value", scope: "col" }, "adds"),
      make("th", { scope: "col" }, ""), make("th", { class: "value", scope: "col" }, "seen"));
    const rows = found.map(([c, v, lift]) =>
      make("tr", null, make("td", null, data.classes[c]), make("td", { class: "value" }, `${v > 0 ? "+" : ""}${number(v, 2)}`),
        make("td", null, make("span", { class: v < 0 ? "bar less" : "bar", style: `width: ${(6 * Math.abs(v)) / most}rem` })),
        make("td", { class: "value" }, `${number(lift, 2)}×`)));
    return make("table", null, make("thead", null, head), make("tbody", null, ...rows));
  };

  const part = (heading, note, ...content) =>
    make("section", null, make("h3", null, heading), note ? make("p", { class: "muted" }, note) : null, ...content);
  const fact = (name, value) => make("li", null, `${name} `, make("b", null, value));

  const show = (j, focus) => {
    current = j;
    const feature = features[j];
    const facts = [fact("active on", `${feature.f} of ${data.samples} samples (${percent(density(feature))})`)];
    if (feature.f > 0) facts.push(fact("largest", number(feature.x)), fact("mean where active", number(feature.a)));
    if (feature.n) {
      facts.unshift(fact("cosine of the name", number(feature.s)));
      facts.splice(1, 0, make("li", null, "before ", make("b", null, feature.r), ` by ${number(feature.m, 2)}`));
      if (feature.d > 0) facts.splice(2, 0, fact("other features of this name", `${feature.d}`));
    }
    const content = [
      make("h2", null, feature.n || `Feature ${j}`, " ", make("small", null, feature.n ? `feature ${j}` : "")),
      make("ul", { class: "facts" }, ...facts),
    ];
    if (feature.w) content.push(make("p", { class: "muted" }, `Nearest words: ${feature.w}`));
    if (feature.o) {
      const [concept, auc, precision, recall] = feature.o;
      content.push(make("p", null, "Taken for the concept ", make("b", null, concept),
        `: AUC ${number(auc)}, precision ${number(precision)}, recall ${number(recall)}`));
    }
    if (feature.f === 0) {
      content.push(make("p", null, "This feature is active on none of the samples that were looked at."));
    } else {
      content.push(part("Largest activations", null, examples(feature.e)));
      const columns = [part("Activations", null, histogram(feature))];
      if (feature.c) {
        columns.push(part("Effect on classes",
          "adds: what the feature adds to a linear probe's score where it is active; seen: its share of active samples over its share of all",
          effects(feature.c)));
      }
      content.push(make("div", { class: "columns" }, ...columns));
    }
    const near = [];
    if (feature.b.length) near.push(part("Features that point the same way", null, others(feature.b, "cosine")));
    if (feature.t.length) near.push(part("Features active on the same samples", null, others(feature.t, "Jaccard")));
    content.push(make("div", { class: "columns" }, ...near));
    if (feature.f > 0) {
      const parts = feature.q.length;
      content.push(part("From strong to weak", "samples evenly apart within each quarter of the active ones"));
      feature.q.forEach((q, i) => {
        if (q.length) content.push(make("h4", null, `${Math.round((100 * i) / parts)}–${Math.round((100 * (i + 1)) / parts)} %`), examples(q));
      });
    }
    panel.replaceChildren(...content);
    for (const link of list.querySelectorAll("a")) {
      const is = Number(link.dataset.feature) === j;
      link.setAttribute("aria-current", is);
      if (is) link.scrollIntoView({ block: "nearest" });
    }
    document.title = `${feature.n || "Feature"} (${j}) · ${data.name}`;
    if (focus) {
      panel.focus({ preventScroll: true });
      window.scrollTo({ top: 0 });
    }
  };

  const fromAddress = (focus) => {
    const found = /^#f=(\d+)$/.exec(location.hash);
    const j = found ? Number(found[1]) : NaN;
    if (j in features) show(j, focus);
    else if (order.length) show(order[0], false);
  };
  const step = (by) => {
    const at = order.indexOf(current);
    const next = order[at < 0 ? 0 : Math.min(Math.max(at + by, 0), order.length - 1)];
    if (next === undefined) return;
    while (order.indexOf(next) >= shown) { shown += PAGE; fill(); }
    location.hash = `#f=${next}`;
  };

  let timer;
  search.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(choose, 120); });
  sort.addEventListener("change", choose);
  dead.addEventListener("change", choose);
  search.form.addEventListener("submit", (event) => { event.preventDefault(); clearTimeout(timer); choose(); step(0); });
  more.addEventListener("click", () => { shown += PAGE; fill(); });
  window.addEventListener("hashchange", () => fromAddress(true));
  document.addEventListener("keydown", (event) => {
    const typing = ["INPUT", "SELECT", "TEXTAREA"].includes(event.target.tagName);
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/" && !typing) { event.preventDefault(); search.focus(); search.select(); }
    else if (event.key === "Escape" && event.target === search) { search.value = ""; choose(); search.blur(); }
    else if (!typing && (event.key === "j" || event.key === "k")) step(event.key === "j" ? 1 : -1);
  });

  byId("facts").textContent = [data.about, `${features.length} features of ${data.inputs} inputs`, `looked at on ${data.samples} samples`,
    "keys: / search, j and k next and previous"].filter(Boolean).join(" · ");
  if (!features.some((f) => f.n)) {
    for (const value of ["name", "score", "margin"]) sort.querySelector(`[value=${value}]`).remove();
  }
  sort.value = "density";
  choose();
  fromAddress(false);
})();
