/**
 * Checksums of rows. SQLite notices a damaged page structure, and an index that disagrees with its table, but not a
 * flipped bit in a number, a text or an embedding: so every row carries the CRC-32 of what it says.
 */
import { crc32 } from 'node:zlib';
import { MatvitError } from '../errors.js';

export type Cell = string | number | null;

/** @param embedding hashed first, where a row has one */
export function rowChecksum(cells: readonly Cell[], embedding?: Uint8Array): number {
  return crc32(JSON.stringify(cells), embedding ? crc32(embedding) : 0);
}

/** @throws CATALOGUE_CORRUPT */
export function checkRow(what: string, crc: number, cells: readonly Cell[], embedding?: Uint8Array): void {
  if (crc !== rowChecksum(cells, embedding)) throw new MatvitError('CATALOGUE_CORRUPT', `${what} is damaged`);
}
