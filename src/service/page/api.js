/** The service's API, as the page uses it. */

/** An answer that is an error: problem details with a stable code. */
export class Problem extends Error {
  constructor({ title, detail, code }) {
    super(title);
    this.detail = detail;
    this.code = code;
  }
}

async function json(response) {
  const body = await response.json().catch(() => undefined);
  if (response.ok && body) return body;
  throw new Problem(
    body ?? { title: 'The server gave no answer that can be read', detail: `HTTP ${response.status}`, code: '' },
  );
}

/** @returns {Promise<{hits: object[], cost: object}>} */
export async function search(picture, { at, k }, signal) {
  const query = new URLSearchParams({ at, k });
  return json(await fetch(`/v1/search?${query}`, { method: 'POST', body: picture, signal }));
}

export const health = async () => json(await fetch('/healthz'));
export const image = async id => json(await fetch(`/v1/images/${id}`));
export const thumbnailOf = id => `/v1/images/${id}/thumbnail`;

export async function thumbnail(id) {
  const response = await fetch(thumbnailOf(id));
  if (!response.ok) await json(response);
  return response.blob();
}
