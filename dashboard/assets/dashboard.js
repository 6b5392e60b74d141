// What makes pages live. Without it, pages are as they were when they were loaded.
'use strict';

// On narrow screens the pages' names do not fit: the one that is shown is to be seen.
document.querySelector('.top nav [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' });

(() => {
  const block = document.querySelector('[data-live]');
  const button = document.querySelector('[data-pause]');
  if (!block || !button || !window.EventSource) return;
  const state = button.querySelector('[data-live-state]');
  let source = null;
  let paused = false;

  function show(text, kind) {
    if (state.textContent !== text) state.textContent = text;
    button.dataset.state = kind;
  }

  function open() {
    if (source || paused || document.hidden) return;
    // The address of a page answers with its changes where those are asked for.
    source = new EventSource(location.pathname + location.search);
    source.addEventListener('open', () => show('Live', 'live'));
    source.addEventListener('live', (event) => {
      const next = document.createElement('template');
      next.innerHTML = event.data;
      children(block, next.content);
      block.dispatchEvent(new CustomEvent('updated', { bubbles: true }));
    });
    source.addEventListener('error', () => {
      if (source && source.readyState === EventSource.CLOSED) {
        // Refused, not just cut off: perhaps a session has ended. Try rarely.
        close();
        setTimeout(open, 30000);
      }
      show('Reconnecting…', 'lost');
    });
  }

  function close() {
    if (source) source.close();
    source = null;
  }

  // children makes those of one node what those of another are, and keeps the elements
  // that stay: with them stay focus, selection and scrolling.
  function children(into, from) {
    const keyed = new Map();
    for (const child of into.children) {
      if (child.dataset.key) keyed.set(child.dataset.key, child);
    }
    let at = into.firstChild;
    for (const wanted of [...from.childNodes]) {
      const key = wanted.dataset && wanted.dataset.key;
      const known = key && keyed.get(key);
      if (known && known !== at) {
        into.insertBefore(known, at);
        at = known;
      }
      const foreign = at && at.dataset && at.dataset.key && at.dataset.key !== key;
      if (!at || foreign || at.nodeType !== wanted.nodeType || at.nodeName !== wanted.nodeName) {
        into.insertBefore(wanted, at);
        continue;
      }
      become(at, wanted);
      at = at.nextSibling;
    }
    while (at) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
  }

  function become(node, wanted) {
    if (node.nodeType !== Node.ELEMENT_NODE) {
      if (node.nodeValue !== wanted.nodeValue) node.nodeValue = wanted.nodeValue;
      return;
    }
    // What somebody is typing, or has opened, is theirs.
    if (node.matches('input, select, textarea')) return;
    for (const { name } of [...node.attributes]) {
      if (!wanted.hasAttribute(name) && !(name === 'open' && node.matches('details'))) node.removeAttribute(name);
    }
    for (const { name, value } of wanted.attributes) {
      if (node.getAttribute(name) !== value) node.setAttribute(name, value);
    }
    children(node, wanted);
  }

  button.hidden = false;
  button.addEventListener('click', () => {
    paused = !paused;
    button.setAttribute('aria-pressed', String(paused));
    if (paused) {
      close();
      show('Paused', 'paused');
    } else {
      show('Live', 'live');
      open();
    }
  });
  // Nobody looks at what is hidden; browsers allow few connections.
  document.addEventListener('visibilitychange', () => (document.hidden ? close() : open()));
  window.addEventListener('pagehide', close);
  window.addEventListener('pageshow', open);
  show('Live', 'live');
  open();
})();
