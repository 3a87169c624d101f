// Leaves a summary in the notebook's file for whoever opens it when the panel's kernel is gone.
//
// A front end looks for a widget's model in the kernel, then in the notebook's metadata, and shows an error where it is
// in neither. So the summary goes there as a model of plain markup that bears the panel's id. The manager's `context`
// is no documented interface: where it is not what it should be, nothing is left, and nothing else fails.

const MIME = "application/vnd.jupyter.widget-state+json";
const MARK = "polly-saved-panel";

function models(id, html) {
  const layout = `${id}-layout`;
  return {
    [id]: {
      model_module: "@jupyter-widgets/controls", model_module_version: "2.0.0", model_name: "HTMLModel",
      state: { _dom_classes: [MARK], layout: `IPY_MODEL_${layout}`, value: html },
    },
    [layout]: {
      model_module: "@jupyter-widgets/base", model_module_version: "2.0.0", model_name: "LayoutModel", state: {},
    },
  };
}

function keep(model) {
  const context = model.widget_manager?.context;
  const notebook = context?.isDisposed || context?.model?.readOnly ? undefined : context?.model?.sharedModel;
  if (typeof notebook?.setMetadata !== "function" || typeof notebook.getMetadata !== "function") return;
  const id = model.get("panel");
  const widgets = JSON.parse(JSON.stringify(notebook.getMetadata("widgets") ?? {}));
  const outputs = JSON.stringify(notebook.cells?.map((cell) => cell.outputs ?? cell.toJSON?.().outputs ?? []) ?? []);
  const kept = Object.entries(widgets[MIME]?.state ?? {}).filter(([other, { state }]) => {
    const panel = state?._dom_classes?.includes?.(MARK) ? other : other.endsWith("-layout") ? other.slice(0, -7) : "";
    return !panel || outputs.includes(panel); // an older panel of a cell that ran again goes
  });
  const state = { ...Object.fromEntries(kept), ...models(id, model.get("html")) };
  const content = { version_major: 2, version_minor: 0, ...widgets[MIME], state };
  if (JSON.stringify(content) !== JSON.stringify(widgets[MIME])) notebook.setMetadata("widgets", { ...widgets, [MIME]: content });
}

function render({ model, el }) {
  el.style.display = "none";
  const now = () => {
    try {
      keep(model);
    } catch (error) {
      console.warn(error);
    }
  };
  model.on("change:html", now);
  now();
  return () => model.off("change:html", now);
}

export default { render };
