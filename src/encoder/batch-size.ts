import { MatvitError } from '../errors.js';
import { type OperatingPoint, printOperatingPoint } from '../model/operating-point.js';

/** Pictures in `pixels`, checked against the operating point. @throws REQUEST_INVALID */
export function batchSize(pixels: Uint8Array, point: OperatingPoint): number {
  const batch = pixels.length / (point.resolution * point.resolution * 3);
  if (!Number.isInteger(batch) || batch < 1)
    throw new MatvitError(
      'REQUEST_INVALID',
      `${pixels.length} bytes are not pictures of ${point.resolution} x ${point.resolution} x 3`,
    );
  if (point.precision === 'int8' && batch > 1)
    throw new MatvitError('REQUEST_INVALID', `${printOperatingPoint(point)} takes one picture a call, not ${batch}`);
  return batch;
}
