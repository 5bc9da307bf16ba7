/** The calibration of an index: measured on it, or else what the model ships with. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Model } from '../model/bundle.js';
import { writeFileAtomic } from '../model/write-file-atomic.js';
import { type Calibration, calibrationFile, parseCalibration } from '../planner/calibration.js';

/**
 * A calibration of other weights, or a file that cannot be read, counts as none: it can be measured again.
 * @returns undefined if there is none, neither beside the index nor in the model's card
 */
export async function readCalibration(folder: string, { checkpoint, card }: Model): Promise<Calibration | undefined> {
  const { fingerprint } = checkpoint;
  try {
    const stored: unknown = JSON.parse(await readFile(join(folder, calibrationFile), 'utf8'));
    const calibration = parseCalibration(stored, fingerprint);
    if (calibration) return calibration;
  } catch {
    // falls back to the model's
  }
  return parseCalibration(card['calibration'], fingerprint);
}

/** @throws STORAGE_FAILED */
export async function writeCalibration(folder: string, calibration: Calibration): Promise<void> {
  await writeFileAtomic(join(folder, calibrationFile), JSON.stringify(calibration, null, 2) + '\n');
}
