// A field for a key. What is typed goes to the kernel as a message and is never part of the widget's state, which
// a notebook's file may keep.

function render({ model, el }) {
  el.classList.add("polly", "polly-secret");
  keepKeys(el);
  const field = element("input", { type: "password", autocomplete: "off", spellcheck: "false", class: "polly-key" });
  const label = element("label", { class: "polly-keylabel" }, element("span", { text: model.get("label") }), field);
  const button = element("button", { type: "submit", class: "polly-primary", text: model.get("action") });
  const form = element("form", {
    onsubmit: (event) => {
      event.preventDefault();
      const text = field.value;
      field.value = "";
      model.send({ kind: "secret", text });
    },
  }, label, button);
  el.append(form);
  const enable = () => { field.disabled = button.disabled = model.get("disabled"); };
  const name = () => { label.firstChild.textContent = model.get("label"); };
  model.on("change:disabled", enable);
  model.on("change:label", name);
  enable();
  return () => { field.value = ""; model.off("change:disabled", enable); model.off("change:label", name); };
}

export default { render };
