// A table of many rows: those in view are in the page, the others are numbers in an array.
// Rows come as messages, not as the widget's state, so that no notebook file holds them.

const ROW = 28; // pixels, as in panel.css
const SPARE = 6; // rows drawn above and below what is seen

const STEPS = [[31557600, "year"], [2629800, "month"], [604800, "week"], [86400, "day"], [3600, "hour"], [60, "minute"]];
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
const EXACT = new Intl.DateTimeFormat(undefined, { dateStyle: "long", timeStyle: "long" });
const ORDER = new Intl.Collator(undefined, { numeric: true });

function ago(seconds) {
  const since = seconds - Date.now() / 1000;
  for (const [length, unit] of STEPS) {
    if (Math.abs(since) >= length) return RELATIVE.format(Math.trunc(since / length), unit);
  }
  return "just now";
}

function shortDigest(digest) {
  return digest.slice(digest.indexOf(":") + 1).slice(0, 12);
}

// For each kind of column: what is shown, what is shown on hover, and what is searched.
const KINDS = {
  text: { show: String, hover: String },
  badge: { show: String, hover: () => "" },
  time: { show: ago, hover: (value) => EXACT.format(value * 1000) },
  digest: { show: shortDigest, hover: (value) => `${value}\nClick to copy` },
  bytes: { show: bytes, hover: (value) => `${value.toLocaleString()} bytes` },
};

function render({ model, el }) {
  const columns = model.get("columns");
  let version = -1;
  let keys = [];
  let data = columns.map(() => []);
  let haystack = []; // what is searched of each row
  let order = []; // rows of the search and the sort, in order
  let active = 0; // position in `order` of the row that the keys act on

  // ---- the frame
  const name = model.get("label");
  const search = element("input", {
    type: "search", class: "polly-search", placeholder: model.get("placeholder"), "aria-label": model.get("placeholder"),
    spellcheck: "false", autocomplete: "off",
  });
  search.value = model.get("search");
  const filters = columns.filter((column) => column.filter).map((column) => ({
    column,
    select: element("select", { "aria-label": `Show only this ${column.title.toLowerCase()}`, class: "polly-filter" }),
  }));
  const count = element("span", { class: "polly-count", role: "status", "aria-live": "polite" });
  const said = element("span", { class: "polly-said", role: "status", "aria-live": "assertive" });
  const bar = element("div", { class: "polly-bar" }, search, ...filters.map((filter) => filter.select), count, said);
  const heading = element("div", { class: "polly-row polly-heading", role: "row", "aria-rowindex": "1" });
  const canvas = element("div", { class: "polly-canvas", role: "rowgroup" });
  const hint = element("div", { class: "polly-hint" });
  const grid = element("div", {
    class: "polly-grid", role: "grid", tabindex: "0", "aria-label": name, "aria-colcount": columns.length,
    "aria-multiselectable": "false",
  }, element("div", { class: "polly-inner", role: "presentation" },
    element("div", { role: "rowgroup", class: "polly-head" }, heading), canvas));
  const id = `polly-${Math.random().toString(36).slice(2)}`;
  el.classList.add("polly", "polly-table");
  el.style.setProperty("--polly-columns", columns.map((column) => column.width).join(" "));
  el.append(bar, element("div", { class: "polly-frame" }, grid, hint));
  keepKeys(el);

  const titles = columns.map((column, index) => {
    const button = element("button", {
      class: "polly-title", type: "button", text: column.title, title: `Sort by ${column.title.toLowerCase()}`,
      onclick: () => sortBy(index),
    });
    heading.append(element("div", { class: "polly-cell", role: "columnheader" }, button));
    return button;
  });

  // ---- which rows, in which order
  function arrange() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = model.get("filters");
    const exact = columns.map((column, index) => [data[index], wanted[column.name]]).filter(([, value]) => value);
    order = [];
    for (let row = 0; row < keys.length; row += 1) {
      if (words.every((word) => haystack[row].includes(word)) && exact.every(([values, value]) => values[row] === value)) {
        order.push(row);
      }
    }
    const [by, descending] = model.get("sort");
    const values = data[columns.findIndex((column) => column.name === by)];
    if (values) {
      const compare = typeof values[0] === "number" ? (a, b) => a - b : ORDER.compare;
      order.sort((a, b) => (descending ? compare(values[b], values[a]) : compare(values[a], values[b])) || a - b);
    }
    columns.forEach((column, index) => {
      const sorted = column.name === by ? (descending ? "descending" : "ascending") : "none";
      heading.children[index].setAttribute("aria-sort", sorted);
    });
    active = Math.max(0, order.indexOf(keys.indexOf(model.get("selected"))));
    grid.setAttribute("aria-rowcount", order.length + 1);
    canvas.style.height = `${order.length * ROW}px`;
    const narrowed = order.length !== keys.length;
    count.textContent = narrowed ? `${order.length.toLocaleString()} of ${keys.length.toLocaleString()}`
      : keys.length ? keys.length.toLocaleString() : "";
    hint.textContent = order.length ? "" : keys.length ? "Nothing fits. Clear the search to see every row." : model.get("hint");
    hint.hidden = order.length > 0;
    draw();
  }

  function sortBy(index) {
    const [by, descending] = model.get("sort");
    const column = columns[index];
    const falls = column.kind === "time" || column.kind === "bytes"; // the newest and largest are looked for first
    model.set("sort", [column.name, by === column.name ? !descending : falls]);
    arrange();
  }

  // ---- drawing what is in view
  function draw() {
    const first = Math.max(0, Math.floor(grid.scrollTop / ROW) - SPARE);
    const last = Math.min(order.length, Math.ceil((grid.scrollTop + grid.clientHeight) / ROW) + SPARE);
    const selected = model.get("selected");
    const rows = [];
    for (let position = first; position < last; position += 1) rows.push(drawRow(position, selected));
    canvas.replaceChildren(...rows);
    const there = active >= first && active < last;
    if (there) grid.setAttribute("aria-activedescendant", `${id}-${active}`);
    else grid.removeAttribute("aria-activedescendant");
  }

  function drawRow(position, selected) {
    const row = order[position];
    const made = element("div", {
      class: "polly-row", role: "row", id: `${id}-${position}`, "aria-rowindex": position + 2,
      "aria-selected": String(keys[row] === selected), onclick: () => choose(position),
    });
    if (position === active) made.classList.add("polly-active");
    made.style.transform = `translateY(${position * ROW}px)`;
    columns.forEach((column, index) => made.append(drawCell(column, data[index][row])));
    return made;
  }

  function drawCell(column, value) {
    const kind = KINDS[column.kind];
    const text = kind.show(value);
    const cell = element("div", { class: `polly-cell polly-${column.kind}`, role: "gridcell", title: kind.hover(value) });
    if (column.kind === "badge") cell.append(element("span", { class: `polly-tone-${column.tones[value] ?? "plain"}`, text }));
    else if (column.kind === "digest") {
      cell.append(element("button", {
        class: "polly-copyable", type: "button", tabindex: "-1", text, "aria-label": `Copy digest ${value}`,
        onclick: (event) => { event.stopPropagation(); copy(value); },
      }));
    } else cell.textContent = text;
    return cell;
  }

  async function copy(value) {
    say((await copyText(value)) ? `Copied ${value}` : "This page may not copy: select the digest in the details.");
  }

  let silence;
  function say(text) {
    said.textContent = text;
    clearTimeout(silence);
    silence = setTimeout(() => { said.textContent = ""; }, 3000);
  }

  // ---- choosing
  function choose(position) {
    if (position < 0 || position >= order.length) return;
    active = position;
    model.set("selected", keys[order[position]]);
    model.save_changes();
    draw();
  }

  function reveal(position) {
    active = Math.max(0, Math.min(order.length - 1, position));
    const head = heading.offsetHeight;
    const top = active * ROW;
    if (top < grid.scrollTop) grid.scrollTop = top;
    else if (top + ROW + head > grid.scrollTop + grid.clientHeight) grid.scrollTop = top + ROW + head - grid.clientHeight;
    draw();
  }

  grid.addEventListener("keydown", (event) => {
    if (event.target !== grid || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(grid.clientHeight / ROW) - 2);
    const moves = {
      ArrowDown: active + 1, ArrowUp: active - 1, PageDown: active + page, PageUp: active - page,
      Home: 0, End: order.length - 1,
    };
    const digest = columns.findIndex((column) => column.kind === "digest");
    if (event.key in moves) reveal(moves[event.key]);
    else if (event.key === "Enter" || event.key === " ") choose(active);
    else if (event.key === "c" && digest >= 0 && order.length) copy(data[digest][order[active]]);
    else return;
    event.preventDefault();
  });
  search.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "Enter") {
      event.preventDefault();
      grid.focus();
      reveal(active);
      if (event.key === "Enter" && order.length === 1) choose(0);
    }
  });
  search.addEventListener("input", () => {
    model.set("search", search.value); // kept for a view drawn anew; the kernel need not know
    grid.scrollTop = 0;
    arrange();
  });
  let waiting = false;
  grid.addEventListener("scroll", () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; draw(); });
  });

  // ---- filters
  function fillFilters() {
    for (const { column, select } of filters) {
      const values = [...new Set(data[columns.indexOf(column)])].sort(ORDER.compare);
      const wanted = model.get("filters")[column.name] ?? "";
      if (wanted && !values.includes(wanted)) values.push(wanted);
      select.replaceChildren(
        element("option", { value: "", text: `${column.title}: all` }),
        ...values.map((value) => element("option", { value, text: `${column.title}: ${value}` })),
      );
      select.value = wanted;
    }
  }
  for (const { column, select } of filters) {
    select.addEventListener("change", () => {
      model.set("filters", { ...model.get("filters"), [column.name]: select.value });
      model.save_changes();
    });
  }

  // ---- what the kernel says
  function take(message) {
    if (message.kind !== "rows" || message.version === version) return;
    ({ version, keys, columns: data } = message);
    const searched = columns.map((column, index) => [column, data[index]]).filter(([column]) => column.kind !== "time" && column.kind !== "bytes");
    haystack = keys.map((_, row) => searched.map(([, values]) => values[row]).join("\n").toLowerCase());
    fillFilters();
    arrange();
    showSelected();
  }

  function showSelected() {
    const position = order.indexOf(keys.indexOf(model.get("selected")));
    if (position >= 0) reveal(position);
    else draw();
  }

  const heard = {
    "msg:custom": take,
    "change:selected": showSelected,
    "change:filters": () => { fillFilters(); arrange(); },
    "change:hint": arrange,
    "change:search": () => { if (search.value !== model.get("search")) { search.value = model.get("search"); arrange(); } },
  };
  for (const [event, answer] of Object.entries(heard)) model.on(event, answer);
  const sight = new ResizeObserver(() => draw());
  sight.observe(grid);
  arrange();
  model.send({ kind: "ready" });
  return () => {
    sight.disconnect();
    for (const [event, answer] of Object.entries(heard)) model.off(event, answer);
  };
}

export default { render };
