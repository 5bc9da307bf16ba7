/** Rows of the table `images`. */
import type { Database } from 'better-sqlite3';
import { type Cell, checkRow } from './checksum.js';

export interface ImageRow {
  readonly id: number;
  readonly path: string;
  readonly vectorId: number;
  readonly size: number;
  readonly mtime: number;
  readonly metadata: string;
  readonly stored: number;
  readonly edited: number;
}

/** To select for an ImageRow. */
export const imageColumns = 'images.id, path, vector_id AS vectorId, size, mtime, metadata, stored, edited';

/** What the checksum of an image covers. */
export const imageCells = (row: ImageRow) => [
  ...[row.id, row.path, row.vectorId, row.size, row.mtime, row.metadata, row.stored, row.edited],
];

/** @throws CATALOGUE_CORRUPT */
export function checkImages(database: Database, file: string): void {
  // as arrays: objects would take twice as long
  const read = database.prepare<[], [number, ...Cell[]]>(`SELECT crc, ${imageColumns} FROM images`).raw();
  for (const [crc, ...cells] of read.iterate()) checkRow(`${file}: image ${cells[0]}`, crc, cells);
}
