// What grid.js, sheet.js and their like have in common. It stands before each of them (see assets.py).

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Neither a page by plain http nor every frame has the clipboard: the old way still works there.
    const area = document.createElement("textarea");
    area.value = text;
    area.setAttribute("aria-hidden", "true");
    area.style.cssText = "position: fixed; opacity: 0";
    const before = document.activeElement;
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    before?.focus?.();
    return copied;
  }
}

// What a service says goes in as text only: no markup of it is ever read.
function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name === "class") made.className = value;
    else if (name === "text") made.textContent = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

// A notebook has keys of its own for a cell that is not being edited: they are not meant while one is in here. It looks
// for the mark only at the element that has the focus. Those with Ctrl or Cmd, as to save, stay the notebook's.
function keepKeys(root) {
  root.addEventListener("focusin", (event) => event.target.setAttribute("data-lm-suppress-shortcuts", "true"));
  root.addEventListener("keydown", (event) => {
    const commands = event.ctrlKey || event.metaKey;
    event.target.toggleAttribute("data-lm-suppress-shortcuts", !commands);
    if (!commands) event.stopPropagation();
  });
  root.addEventListener("keyup", (event) => event.target.setAttribute("data-lm-suppress-shortcuts", "true"));
}

const BYTES = ["B", "kB", "MB", "GB"];

function bytes(size) {
  let amount = size;
  for (const unit of BYTES) {
    if (amount < 999.5) return `${Number(amount.toPrecision(3))} ${unit}`;
    amount /= 1000;
  }
  return `${Number(amount.toPrecision(3))} TB`;
}
