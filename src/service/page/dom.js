/** Finding, making and focusing elements. */

/**
 * @template {Element} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 */
export function byId(id, kind) {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new Error(`the page has no ${kind.name} #${id}`);
  return element;
}

/**
 * A copy of what is in a `<template>`, and a way to reach into it.
 * @param {string} id
 */
export function fromTemplate(id) {
  const root = /** @type {HTMLElement} */ (byId(id, HTMLTemplateElement).content.firstElementChild?.cloneNode(true));
  return { root, part: /** @param {string} selector */ selector => partOf(root, selector) };
}

/**
 * @param {Element} root
 * @param {string} selector
 * @returns {HTMLElement}
 */
export function partOf(root, selector) {
  const element = root.querySelector(selector);
  if (!(element instanceof HTMLElement)) throw new Error(`there is no ${selector}`);
  return element;
}

/**
 * @param {string} tag
 * @param {string} text
 * @param {string} [className]
 */
export function textElement(tag, text, className = '') {
  const element = document.createElement(tag);
  element.textContent = text;
  if (className) element.className = className;
  return element;
}

/** Keys go on from the results' title. */
export const focusResults = () => byId('hits-title', HTMLElement).focus({ preventScroll: true });

/**
 * Hides something, or shows it. Where it had the focus, keys go on from the results' title, and not from the top of the
 * page.
 * @param {HTMLElement} element
 * @param {boolean} isHidden
 */
export function setHidden(element, isHidden) {
  const hadFocus = isHidden && element.contains(document.activeElement);
  element.hidden = isHidden;
  if (hadFocus) focusResults();
}

/** All but the key's, which is asked for whatever the query is. */
export function closeDialogs() {
  for (const dialog of document.querySelectorAll('dialog[open]:not(#key-dialog)'))
    if (dialog instanceof HTMLDialogElement) dialog.close();
}

/** Says something to screen readers: in the dialog that is open, since what is behind it is inert. @param {string} text */
export function announce(text) {
  const inDialogs = document.querySelectorAll('dialog[open] [role=status]');
  const place = [...inDialogs].at(-1) ?? byId('announcement', HTMLElement);
  place.textContent = text;
}
