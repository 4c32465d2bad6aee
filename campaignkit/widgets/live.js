// Altair's JupyterChart by the Vega that campaignkit's figures use, so that nothing is fetched. A param set from Python
// becomes a signal at once, in every view, and the chart is drawn anew only for another spec.
const READY = "campaignkit:vega";

const vega = () => new Promise((resolve) => {
  if (window.vegaEmbed) resolve(window.vegaEmbed);
  else window.addEventListener(READY, () => resolve(window.vegaEmbed), { once: true });
});

const plain = (value) => JSON.parse(JSON.stringify(value ?? null));

const later = (call, wait) => {
  let timer;
  return (...given) => { clearTimeout(timer); timer = setTimeout(() => call(...given), wait); };
};

export default {
  async render({ model, el }) {
    let drawn = null;
    const set = async () => {
      if (!drawn) return;
      for (const [name, value] of Object.entries(model.get("_params"))) {
        if (value !== null) drawn.view.signal(name, value);
      }
      await drawn.view.runAsync();
    };
    const listen = (name) => {
      const tell = later((_, value) => {
        const store = plain(drawn.view.data(`${name}_store`) ?? []);
        model.set("_vl_selections", { ...model.get("_vl_selections"), [name]: { value: plain(value), store } });
        model.save_changes();
      }, model.get("debounce_wait"));
      drawn.view.addSignalListener(name, tell);
    };
    const draw = async () => {
      const spec = structuredClone(model.get("spec"));
      if (!spec) return;
      const embed = await vega();
      const old = drawn;
      drawn = await embed(el, spec, structuredClone(model.get("embed_options")));
      old?.finalize();
      Object.keys(model.get("_vl_selections")).forEach(listen);
      await set();
    };
    model.on("change:spec", draw);
    model.on("change:_params", set);
    await draw();
    return () => drawn?.finalize();
  },
};
