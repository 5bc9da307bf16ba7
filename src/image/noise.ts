import { sharp } from './sharp.js';

/** A picture that nobody took, to try things with where there is none. @returns a JPEG of 640 x 480 pixels */
export function noise(): Promise<Buffer> {
  const size = { width: 640, height: 480, channels: 3 } as const;
  return sharp({ create: { ...size, background: 'grey', noise: { type: 'gaussian', mean: 128, sigma: 30 } } })
    .jpeg()
    .toBuffer();
}
