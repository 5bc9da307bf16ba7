/** Operating points: submodel @ resolution : precision, written `M6-L6@160:int8`. */
import { MatvitError } from '../errors.js';
import { type Architecture, patchCount } from './architecture.js';
import { type Submodel, parseSubmodel, printSubmodel, uniform } from './submodel.js';

export const precisions = ['fp32', 'int8'] as const;
export type Precision = (typeof precisions)[number];

export interface OperatingPoint {
  readonly submodel: Submodel;
  /** side of the square input, pixels */
  readonly resolution: number;
  readonly precision: Precision;
}

/** The largest input side that is accepted but for a model's own, pixels: attention grows with its fourth power. */
export const maxResolution = 512;

/** What the corpus is embedded with: everything. */
export function fullPoint(a: Architecture): OperatingPoint {
  return { submodel: uniform(a, 'XL'), resolution: a.resolution, precision: 'fp32' };
}

/**
 * Parses `S@112:int8`. What is left out is the full model's: `S` is `S@224:fp32`.
 * @throws OPERATING_POINT_INVALID, SUBMODEL_INVALID, RESOLUTION_INVALID
 */
export function parseOperatingPoint(a: Architecture, text: string): OperatingPoint {
  const match = /^([A-Z0-9-]+)(?:@(\d{1,5}))?(?::([a-z0-9]+))?$/.exec(text);
  if (!match) throw new MatvitError('OPERATING_POINT_INVALID', `'${text}' is not written like M6-L6@160:int8`);
  const [, submodel, side = String(a.resolution), precision = 'fp32'] = match;
  const resolution = Number(side);
  patchCount(a, resolution);
  const limit = Math.max(maxResolution, a.resolution);
  if (resolution > limit)
    throw new MatvitError('RESOLUTION_INVALID', `${resolution} is above the limit of ${limit} pixels`);
  const known = precisions.find(p => p === precision);
  if (!known)
    throw new MatvitError('OPERATING_POINT_INVALID', `'${precision}' is not a precision (${precisions.join(', ')})`);
  return { submodel: parseSubmodel(a, submodel!), resolution, precision: known };
}

export function printOperatingPoint(point: OperatingPoint): string {
  return `${printSubmodel(point.submodel)}@${point.resolution}:${point.precision}`;
}
