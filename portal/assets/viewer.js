// The viewer shows the document, and sends the calls that are tried out.
"use strict";
const viewer = document.getElementById("viewer");
if (viewer && window.SwaggerUIBundle) {
  SwaggerUIBundle({
    url: viewer.dataset.document,
    domNode: viewer,
    presets: [SwaggerUIBundle.presets.apis],
    layout: "BaseLayout",
    // Nothing is asked of anybody but the portal and the API.
    validatorUrl: null,
    queryConfigEnabled: false,
    persistAuthorization: false,
    deepLinking: true,
    tryItOutEnabled: false,
    onComplete: () => document.getElementById("operations").classList.add("hidden"),
  });
}
