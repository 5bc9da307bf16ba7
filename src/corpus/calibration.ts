/** The calibration of an index: measured on it, or else what the model ships with. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MatvitError, reasonOf } from '../errors.js';
import type { Architecture } from '../model/architecture.js';
import type { Model } from '../model/bundle.js';
import { fullPoint, parseOperatingPoint, printOperatingPoint } from '../model/operating-point.js';
import { writeFileAtomic } from '../model/write-file-atomic.js';
import { type Calibration, calibrationFile, parseCalibration } from '../planner/calibration.js';

/** What is known of how long an index's model takes, and of how much it finds. */
export interface KnownCalibration {
  /** undefined if there is none, neither beside the index nor in the model's card */
  readonly calibration: Calibration | undefined;
  /** CALIBRATION_INVALID: why one that is there is not used, damaged or of other weights; it can be measured again */
  readonly passedOver: MatvitError | undefined;
}

/** Never fails: without a calibration there is the full model to choose. */
export async function readCalibration(folder: string, { checkpoint, card }: Model): Promise<KnownCalibration> {
  const { fingerprint, architecture } = checkpoint;
  const path = join(folder, calibrationFile);
  let passedOver: MatvitError | undefined;
  for (const [place, read] of [
    [path, () => readIfThere(path)],
    ['model.json', () => card['calibration']],
  ] as const)
    try {
      const stored = await read();
      if (stored === undefined) continue;
      const calibration = parseCalibration(stored, fingerprint);
      checkPoints(calibration, architecture);
      return { calibration, passedOver };
    } catch (error) {
      passedOver ??= new MatvitError('CALIBRATION_INVALID', `${place}: ${reasonOf(error)}`, { cause: error });
    }
  return { calibration: undefined, passedOver };
}

async function readIfThere(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  return text === undefined ? undefined : JSON.parse(text);
}

/** Has the model these points, and is the last one all of it? @throws RangeError, and what parseOperatingPoint does */
function checkPoints({ points }: Calibration, a: Architecture): void {
  const full = printOperatingPoint(fullPoint(a));
  const names = points.map(({ at }) => printOperatingPoint(parseOperatingPoint(a, at)));
  if (names.at(-1) !== full) throw new RangeError(`its last point is not ${full}`);
}

/** @throws STORAGE_FAILED */
export async function writeCalibration(folder: string, calibration: Calibration): Promise<void> {
  await writeFileAtomic(join(folder, calibrationFile), JSON.stringify(calibration, null, 2) + '\n');
}
