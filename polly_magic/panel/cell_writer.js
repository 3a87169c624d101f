// Adds a cell right below the cell that made the panel, in the notebook whose widget manager this model belongs to.
//
// The manager's `context` is no documented interface. So each step is looked at before it is taken, and what cannot be
// done is answered with a reason. Nothing is inserted before the kernel has told this very front end to: one kernel may
// have several, such as the same notebook in two browser windows.

const NO_WAY = "This front end does not let a panel add cells to the notebook.";
const CLOSED = "The panel's notebook is no longer open here.";
const READ_ONLY = "The notebook is read-only.";
const NO_ANCHOR = "The cell that made this panel is no longer in the notebook.";
const NOT_TAKEN = "The notebook did not take the cell.";

class Refusal extends Error {}

/** The notebook's document, and where in it the new cell goes. */
function place(manager, anchor) {
  const context = manager?.isDisposed ? undefined : manager?.context;
  if (manager?.isDisposed || context?.isDisposed || context?.model?.isDisposed) throw new Refusal(CLOSED);
  const notebook = context?.model?.sharedModel;
  if (!Array.isArray(notebook?.cells) || typeof notebook.insertCell !== "function") throw new Refusal(NO_WAY);
  if (context.model.readOnly || context.contentsModel?.writable === false) throw new Refusal(READ_ONLY);
  const index = notebook.cells.findIndex((cell) => identity(cell) === anchor);
  if (index < 0) throw new Refusal(NO_ANCHOR);
  return { context, notebook, index: index + 1 };
}

const identity = (cell) => cell.id ?? cell.getId?.();
const source = (cell) => cell?.source ?? cell?.getSource?.();

/** Insert; the metadata is that of a cell which the notebook's own button adds. */
function insert(manager, anchor, text) {
  const { context, notebook, index } = place(manager, anchor);
  notebook.insertCell(index, { cell_type: "code", source: text, metadata: { trusted: true }, outputs: [] });
  const cell = notebook.cells[index];
  if (source(cell) !== text) throw new Refusal(NOT_TAKEN);
  return { context, id: identity(cell) };
}

/** Make the new cell the active one, where the notebook's widget is found above a view; a courtesy that may fail. */
async function select(manager, modelId, context, id) {
  const model = await manager.get_model(modelId);
  for (const promise of Object.values(model.views ?? {})) {
    const view = await promise;
    let widget = view.luminoWidget ?? view.pWidget;
    while (widget && widget.context !== context) widget = widget.parent;
    const content = widget?.content;
    const index = content?.widgets?.findIndex?.((cell) => cell.model?.id === id) ?? -1;
    if (index >= 0) {
      content.deselectAll?.();
      content.activeCellIndex = index;
      content.mode = "command";
      await content.scrollToItem?.(index, "smart");
      // The click left the focus in the panel; another notebook that has it meanwhile keeps it.
      if (widget.node?.contains(document.activeElement)) content.node.focus();
      return;
    }
  }
}

function initialize({ model }) {
  const me = globalThis.crypto?.randomUUID?.() ?? String(Math.random());

  function answer(message, work) {
    const reply = { request: message.request, client: me };
    try {
      work();
      model.send({ ...reply, kind: message.kind });
    } catch (error) {
      if (!(error instanceof Refusal)) console.error(error);
      const reason = error instanceof Refusal ? error.message : NOT_TAKEN;
      model.send({ ...reply, kind: "refuse", reason });
    }
  }

  function receive(message) {
    const manager = model.widget_manager;
    if (message?.kind === "offer") {
      answer(message, () => place(manager, message.anchor));
    } else if (message?.kind === "write" && message.client === me) {
      answer(message, () => {
        const { context, id } = insert(manager, message.anchor, message.text);
        select(manager, message.model, context, id).catch(console.warn);
      });
    }
  }

  model.on("msg:custom", receive);
  return () => model.off("msg:custom", receive);
}

// Nothing is shown; but through its view the notebook's widget is found.
function render({ el }) {
  el.style.display = "none";
}

export default { initialize, render };
