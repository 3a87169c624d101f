// Facts about one thing, one below the other: label and value, each as text.

const RENDERERS = {
  heading: (item) => element("h4", { class: "polly-h", text: item.text }),
  fact: (item, say) => row(item.label, element("span", { class: item.mono ? "polly-mono" : "", text: item.value }),
    ...(item.copy ? [copyButton(item.value, item.copy, say)] : [])),
  words: (item) => row(item.label, element("span", { class: "polly-words" },
    ...item.values.map((text) => element("code", { text })))),
  pairs: (item) => row(item.label, element("div", { class: "polly-pairs" },
    ...item.values.flatMap(([name, value]) => [element("span", { class: "polly-label", text: name }), element("span", { text: value })]))),
  parts: (item) => row(item.label, partsBar(item)),
  code: (item, say) => element("div", { class: "polly-code" },
    element("p", { text: item.reason }),
    element("pre", { text: item.text, tabindex: "0", "aria-label": "Text of the cell" }),
    copyButton(item.text, "Copy the cell", say)),
};

function row(label, ...values) {
  return element("div", { class: "polly-fact" }, element("span", { class: "polly-label", text: label }),
    element("div", { class: "polly-value" }, ...values));
}

function copyButton(text, title, say) {
  return element("button", {
    type: "button", class: "polly-copy", text: title,
    onclick: async () => say((await copyText(text)) ? "Copied." : "This page may not copy: select the text yourself."),
  });
}

function partsBar({ sizes, digests }) {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const title = `${sizes.length} ${sizes.length === 1 ? "layer" : "layers"}, ${bytes(total)} compressed`;
  const parts = sizes.map((size, index) => {
    const part = element("span", { class: "polly-part", title: `Layer ${index + 1}: ${bytes(size)}\n${digests[index]}` });
    part.style.flexGrow = Math.max(size, total / 400);
    return part;
  });
  return element("div", { class: "polly-parts" }, element("span", { text: title }),
    element("div", { class: "polly-stack", role: "img", "aria-label": `${title}: ${sizes.map(bytes).join(", ")}` }, ...parts));
}

function render({ model, el }) {
  el.classList.add("polly", "polly-sheet");
  keepKeys(el);
  const body = element("div");
  const said = element("div", { class: "polly-said", role: "status", "aria-live": "polite" });
  el.append(body, said);
  let silence;
  const say = (text) => {
    said.textContent = text;
    clearTimeout(silence);
    silence = setTimeout(() => { said.textContent = ""; }, 3000);
  };
  const draw = () => body.replaceChildren(...model.get("items").map((item) => RENDERERS[item.kind](item, say)));
  model.on("change:items", draw);
  draw();
  return () => model.off("change:items", draw);
}

export default { render };
