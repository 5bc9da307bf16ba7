/** What the catalogue knows of a picture. */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** What a picture's owner says about it; `label` is the class that evaluations and filters use. */
export type Metadata = Readonly<Record<string, Json>>;

export interface ImageContent {
  /** relative to the corpus root, with slashes */
  readonly path: string;
  /** of the file, hexadecimal */
  readonly sha256: string;
  /** bytes of the file */
  readonly size: number;
  /** modification time, milliseconds since 1970 */
  readonly mtime: number;
  readonly metadata: Metadata;
  /** Was it added by itself, with its bytes in the catalogue? Else it is a file below the corpus root. */
  readonly stored: boolean;
  /** Has its metadata been edited since it was indexed? */
  readonly edited: boolean;
}

export interface Image extends ImageContent {
  readonly id: number;
  /** id of its vector, which exact duplicates share */
  readonly vectorId: number;
}
