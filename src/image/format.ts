/** What a file is, by its first bytes. Its name and its declared type prove nothing. */
export type PictureFormat = 'jpeg' | 'png' | 'webp' | 'avif' | 'gif' | 'tiff';

/** Does a file call itself one? Enough to pass over the other files of a folder; what it is, its bytes say. */
export const isPictureName = (name: string): boolean => /\.(jpe?g|png|webp|avif|gif|tiff?)$/i.test(name);

/** Does a file call itself a JPEG? */
export const isJpegName = (name: string): boolean => /\.jpe?g$/i.test(name);

const signatures: readonly [PictureFormat, RegExp][] = [
  ['jpeg', /^\xff\xd8\xff/],
  ['png', /^\x89PNG\r\n/],
  ['webp', /^RIFF[^]{4}WEBP/],
  ['gif', /^GIF8[79]a/],
  ['tiff', /^(II[*+]\0|MM\0[*+])/], // + is BigTIFF
];

/** Says which of the supported formats the bytes announce; undefined for everything else, SVG and HEIC included. */
export function sniffFormat(bytes: Uint8Array): PictureFormat | undefined {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 256));
  const text = head.toString('latin1');
  if (text.slice(4, 8) === 'ftyp') {
    // ISO base media: a box of [size, 'ftyp', major brand, version, compatible brands...]. AVIF and HEIC share it.
    const brands = text.slice(8, head.readUInt32BE(0)).match(/[^]{4}/g) ?? [];
    return brands.some(brand => brand === 'avif' || brand === 'avis') ? 'avif' : undefined;
  }
  return signatures.find(([, signature]) => signature.test(text))?.[0];
}

/** Is all of it decoded, however small it is to become? A JPEG is not, unless it is progressive. */
export function isDecodedWhole(bytes: Uint8Array): boolean {
  return sniffFormat(bytes) !== 'jpeg' || (frameOf(bytes)?.isProgressive ?? false);
}

/** The first frame header of a JPEG; progressive ones are SOF2 and its arithmetic and differential kin (ITU-T T.81, table B.1). */
export function frameOf(
  bytes: Uint8Array,
): { readonly isProgressive: boolean; readonly width: number; readonly height: number } | undefined {
  const word = (at: number) => (bytes[at]! << 8) | bytes[at + 1]!;
  for (let at = 2; at + 4 <= bytes.length && bytes[at] === 0xff;) {
    const marker = bytes[at + 1]!;
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return { isProgressive: (marker & 3) === 2, height: word(at + 5), width: word(at + 7) };
    at += marker === 0xff ? 1 : 2 + word(at + 2);
  }
  return undefined;
}
