/** The images of a catalogue, page by page, in the order in which they were added. */
import type { Filter } from '../catalogue/filter.js';
import type { Image } from '../catalogue/image.js';
import { parseCursor, printCursor } from './cursor.js';

export interface ListOptions {
  /** images on a page, a positive integer */
  readonly limit: number;
  readonly filter?: Filter | undefined;
  /** `next` of the page before; images added or removed in between shift nothing */
  readonly cursor?: string | undefined;
}

export interface ListPage {
  readonly images: Image[];
  /** images that pass the filter, on all pages */
  readonly total: number;
  /** cursor of the next page; left out on the last one */
  readonly next?: string;
}

/** Where images come from. */
export interface Listed {
  /** the first ones with a larger id, by ascending id */
  readonly imagesAfter: (id: number, limit: number, filter?: Filter) => Image[] | Promise<Image[]>;
  readonly count: (filter?: Filter) => Promise<number>;
}

/** @throws CURSOR_INVALID */
export async function listImages(from: Listed, { limit, filter, cursor }: ListOptions): Promise<ListPage> {
  const list = JSON.stringify(['list', filter]);
  const at = cursor === undefined ? undefined : parseCursor(list, cursor);
  const found = await from.imagesAfter(at?.image.id ?? 0, limit + 1, filter);
  const images = found.slice(0, limit);
  const total = await from.count(filter);
  if (found.length <= limit) return { images, total };
  const next = { offset: (at?.offset ?? 0) + limit, score: 0, image: images.at(-1)! };
  return { images, total, next: printCursor(list, next) };
}
