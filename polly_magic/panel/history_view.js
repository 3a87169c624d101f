// The picture comes as SVG from Python, which has escaped whatever a service said. It is read as XML, never as HTML, and
// here it gets what a picture alone has not: each commit can be clicked, and reached and selected by key.

function segmentsOf(svg) {
  return [...svg.querySelectorAll(".segment[data-key]")];
}

function middle(segment) {
  const bar = segment.querySelector("rect");
  return Number(bar.getAttribute("x")) + Number(bar.getAttribute("width")) / 2;
}

function nearest(segments, to) {
  const distance = (segment) => Math.abs(middle(segment) - middle(to));
  return segments.reduce((best, segment) => (!best || distance(segment) < distance(best) ? segment : best), undefined);
}

// Where an arrow leads: along the lane in time, or to the next lane at about the same time.
function neighbour(svg, segment, key) {
  const lanes = [...svg.querySelectorAll(".lane")].map(segmentsOf).filter((lane) => lane.length);
  const row = lanes.findIndex((lane) => lane.includes(segment));
  const lane = lanes[row];
  const at = lane.indexOf(segment);
  switch (key) {
    case "ArrowLeft": return lane[at - 1];
    case "ArrowRight": return lane[at + 1];
    case "ArrowUp": return nearest(lanes[row - 1] ?? [], segment);
    case "ArrowDown": return nearest(lanes[row + 1] ?? [], segment);
    case "Home": return lane[0];
    case "End": return lane[lane.length - 1];
    default: return undefined;
  }
}

function render({ model, el }) {
  el.classList.add("polly-history-view");
  let svg;

  // The tab key stops at one segment of the picture; arrows go on from there.
  const stopAt = (stop) => segmentsOf(svg).forEach((segment) => {
    segment.setAttribute("tabindex", segment === stop ? "0" : "-1");
  });

  const mark = () => {
    if (!svg) return;
    const segments = segmentsOf(svg);
    const selected = model.get("selected");
    segments.forEach((segment) => segment.setAttribute("aria-pressed", String(segment.dataset.key === selected)));
    stopAt(segments.find((segment) => segment.dataset.key === selected) ?? segments.find((segment) => segment.matches(".active")) ?? segments[0]);
  };

  const select = (segment) => {
    model.set("selected", segment.dataset.key);
    model.save_changes();
  };

  const draw = () => {
    const hadFocus = el.contains(document.activeElement);
    const read = new DOMParser().parseFromString(model.get("picture"), "image/svg+xml").documentElement;
    if (read.localName !== "svg") {
      svg = undefined;
      el.textContent = "The picture cannot be shown.";
      return;
    }
    svg = document.importNode(read, true);
    svg.setAttribute("role", "group");
    for (const segment of segmentsOf(svg)) {
      segment.setAttribute("role", "button");
      // A notebook has keys of its own for whatever has the focus in it; only there does it look whether they are meant.
      segment.setAttribute("data-lm-suppress-shortcuts", "true");
      segment.setAttribute("aria-label", segment.querySelector("title").textContent.replaceAll("\n", ", "));
    }
    el.replaceChildren(svg);
    mark();
    if (hadFocus) svg.querySelector('[tabindex="0"]')?.focus();
  };

  const onClick = (event) => {
    const segment = event.target.closest(".segment[data-key]");
    if (segment) select(segment);
  };

  const onKey = (event) => {
    event.stopPropagation();
    const segment = event.target.closest(".segment[data-key]");
    if (!segment || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" || event.key === " ") {
      select(segment);
    } else {
      const next = neighbour(svg, segment, event.key);
      if (!next) return;
      stopAt(next);
      next.focus();
    }
    event.preventDefault();
  };

  el.addEventListener("click", onClick);
  el.addEventListener("keydown", onKey);
  model.on("change:picture", draw);
  model.on("change:selected", mark);
  draw();
  return () => {
    el.removeEventListener("click", onClick);
    el.removeEventListener("keydown", onKey);
    model.off("change:picture", draw);
    model.off("change:selected", mark);
  };
}

export default { render };
