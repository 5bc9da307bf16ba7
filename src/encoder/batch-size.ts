import { MatvitError } from '../errors.js';
import { type Architecture, patchCount } from '../model/architecture.js';
import { type OperatingPoint, printOperatingPoint } from '../model/operating-point.js';

/**
 * Pictures in `pixels`, checked against the operating point, which is checked against the architecture: of a submodel that
 * is too short an engine would compute the first layers.
 * @throws REQUEST_INVALID, RESOLUTION_INVALID, SUBMODEL_INVALID
 */
export function batchSize(a: Architecture, pixels: Uint8Array, point: OperatingPoint): number {
  const { submodel } = point;
  patchCount(a, point.resolution);
  if (submodel.length !== a.depth || submodel.some(granularity => a.granularities[granularity] === undefined))
    throw new MatvitError('SUBMODEL_INVALID', `[${submodel.join()}] is no submodel of ${a.depth} layers`);
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
