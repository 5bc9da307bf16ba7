/** What a file is, by its first bytes. Its name and its declared type prove nothing. */
export type PictureFormat = 'jpeg' | 'png' | 'webp' | 'avif' | 'gif' | 'tiff';

/** Does a file call itself one? Enough to pass over the other files of a folder; what it is, its bytes say. */
export const isPictureName = (name: string): boolean => /\.(jpe?g|png|webp|avif|gif|tiff?)$/i.test(name);

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
