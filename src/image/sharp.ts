/** sharp, set up once for the whole process: import it from here, never from 'sharp'. */
import sharp from 'sharp';

// Every picture is a fresh buffer that libvips's operation cache could never meet again, only hold on to.
sharp.cache(false);

// One thread a picture and several pictures in flight: 480 pictures/s on two cores.
sharp.concurrency(1);

// libvips reads only what the formats of ./format.ts need. UltraHDR, SVG, its own .v files and anything that a later
// build adds stay shut, whatever a file's bytes claim to be. (An UltraHDR file is then read as the JPEG that it also is.)
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({
  operation: ['Jpeg', 'Png', 'Webp', 'Heif', 'Nsgif', 'Tiff'].map(loader => `VipsForeignLoad${loader}`),
});

export { sharp };
export type { Sharp } from 'sharp';
