// The viewer shows the document, and sends the calls that are tried out.
"use strict";
const viewer = document.getElementById("viewer");
if (viewer && window.SwaggerUIBundle) {
  // There is one server, and the page has its address.
  const nothing = () => () => null;
  // Some operations are to be read only.
  const tried = (_, system) => (state, path, method) => system.specSelectors.specJson().getIn(["paths", path, method, "x-gatehouse-try-it"]) !== false;
  // A link in a button is neither for the keyboard nor for those who do not see the page.
  const text = (_, system) => (props) => system.React.createElement("span", null, props.text);
  // The viewer's buttons are pictures, its fields have no labels, and its headings begin anywhere: they get names, and
  // levels that follow on the page's own.
  const named = [[".copy-to-clipboard button", "Copy"], [".download-contents", "Download"], [".close-modal", "Close"], [".body-param__text", "Request body"], [".opblock-tag-section .expand-operation", "Operations"]];
  const usable = () => {
    for (const [selector, name] of named) {
      for (const e of viewer.querySelectorAll(selector + ":not([aria-label])")) e.setAttribute("aria-label", name);
    }
    for (const e of viewer.querySelectorAll("h4:not([aria-level])")) e.setAttribute("aria-level", "3");
    for (const e of viewer.querySelectorAll("h5:not([aria-level])")) e.setAttribute("aria-level", "4");
    for (const e of viewer.querySelectorAll("pre:not([tabindex])")) e.tabIndex = 0;
    for (const e of viewer.querySelectorAll("table[role=region]:not([aria-label])")) {
      const operation = e.closest(".opblock");
      e.setAttribute("aria-label", ["Responses of", operation?.querySelector(".opblock-summary-method")?.textContent, operation?.querySelector(".opblock-summary-path")?.dataset.path].join(" "));
    }
    for (const row of viewer.querySelectorAll("tr[data-param-name]")) {
      for (const e of row.querySelectorAll("input, select, textarea")) e.setAttribute("aria-label", row.dataset.paramName);
    }
  };
  new MutationObserver(usable).observe(viewer, { childList: true, subtree: true });
  SwaggerUIBundle({
    url: viewer.dataset.document,
    domNode: viewer,
    presets: [SwaggerUIBundle.presets.apis],
    plugins: [{ statePlugins: { spec: { wrapSelectors: { allowTryItOutFor: tried } } } }, { wrapComponents: { ServersContainer: nothing, DeepLink: text } }],
    layout: "BaseLayout",
    // Nothing is asked of anybody but the portal and the API, and nothing of the page's
    // address changes what is shown.
    validatorUrl: null,
    queryConfigEnabled: false,
    persistAuthorization: false,
    deepLinking: true,
    tryItOutEnabled: false,
    // Its colours are for one ground only.
    syntaxHighlight: { activated: false },
    onComplete: () => { document.getElementById("operations").hidden = true; },
  });
}
