// Patches a part of the page to look like new HTML from the server, keeping
// every element that stays: focus, scroll, opened folds and the map survive.

export function fragment(html) {
  const t = document.createElement('template');
  t.innerHTML = html;
  return t.content;
}

// patch makes the children of an element those of the new content.
export function patch(element, content) {
  children(element, content);
}

// replace makes one element like another of the same id.
export function replace(from, to) {
  if (from.nodeName !== to.nodeName || from.id !== to.id) {
    from.replaceWith(to);
    return to;
  }
  morph(from, to);
  return from;
}

function morph(from, to) {
  for (const { name } of [...from.attributes]) {
    if (to.hasAttribute(name) || kept(from, name)) continue;
    from.removeAttribute(name);
  }
  for (const { name, value } of to.attributes) {
    if (kept(from, name) || from.getAttribute(name) === value) continue;
    from.setAttribute(name, value);
  }
  if (!from.hasAttribute('data-keep')) children(from, to);
}

// What the reader did outweighs what the server says.
function kept(element, name) {
  if (element.nodeName === 'DETAILS' && name === 'open') return true;
  return element.hasAttribute('data-keep') && ['class', 'style', 'data-ready'].includes(name);
}

function children(from, to) {
  const byId = new Map();
  for (const child of from.children) if (child.id) byId.set(child.id, child);
  let here = from.firstChild;
  for (const wanted of [...to.childNodes]) {
    let have = here;
    if (wanted.id && byId.has(wanted.id)) {
      have = byId.get(wanted.id);
      if (have !== here) from.insertBefore(have, here);
      else here = here.nextSibling;
    } else if (have && alike(have, wanted)) {
      here = here.nextSibling;
    } else {
      from.insertBefore(wanted, here);
      continue;
    }
    if (have.nodeType === Node.ELEMENT_NODE) morph(have, wanted);
    else if (have.nodeValue !== wanted.nodeValue) have.nodeValue = wanted.nodeValue;
  }
  while (here) {
    const next = here.nextSibling;
    here.remove();
    here = next;
  }
}

function alike(a, b) {
  if (a.nodeType !== b.nodeType || a.nodeName !== b.nodeName) return false;
  return a.nodeType !== Node.ELEMENT_NODE || (!a.id && !b.id);
}
