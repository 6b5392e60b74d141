// The secret of a link stands behind its #, which is sent to nobody. It is put into the form,
// and out of the address, before anything else can be done with it.
"use strict";
const secret = document.getElementById("secret");
if (secret && location.hash.length > 1) {
  secret.value = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
  secret.form.requestSubmit();
}
