/**
 * API keys in a file: names, access and SHA-256 hashes. A key is 256 random bits, so that its plain hash cannot be
 * searched for and needs neither salt nor a slow function.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { z } from 'zod';
import { waitForWriteLock } from '../catalogue/write-lock.js';
import { MatvitError, reasonOf, storageFailed } from '../errors.js';
import { writeFileAtomic } from '../model/write-file-atomic.js';

export const accesses = ['read', 'write'] as const;
/** write includes read */
export type Access = (typeof accesses)[number];

const storedKeys = z.array(
  z.strictObject({
    name: z.string().regex(/^[\w.-]{1,64}$/, 'names are 1 to 64 letters, digits, dots, underscores and hyphens'),
    access: z.enum(accesses),
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    created: z.iso.datetime(),
  }),
);
export type StoredKey = z.infer<typeof storedKeys>[number];

const hash = (key: string): Buffer => createHash('sha256').update(key).digest();

export class KeyRing {
  private constructor(
    private readonly file: string,
    private keys: readonly (StoredKey & { readonly hash: Buffer })[] = [],
  ) {
    this.reload();
  }

  /** A file that does not exist holds no keys. @throws FILE_UNREADABLE, OPTION_INVALID if it is not a file of keys */
  static open(file: string): KeyRing {
    return new KeyRing(file);
  }

  /**
   * Reads the file again; when that fails the keys are as they were.
   * @throws FILE_UNREADABLE, OPTION_INVALID, also if there was a file and is none
   */
  reload(): void {
    const text = this.read();
    if (text === undefined) {
      if (this.keys.length > 0)
        throw new MatvitError('OPTION_INVALID', `${this.file} is gone; the keys in it still hold`);
      return;
    }
    try {
      const stored = storedKeys.parse(JSON.parse(text));
      this.keys = stored.map(key => ({ ...key, hash: Buffer.from(key.sha256, 'hex') }));
    } catch (error) {
      const reason = error instanceof z.ZodError ? z.prettifyError(error).split('\n')[0]! : reasonOf(error);
      throw new MatvitError('OPTION_INVALID', `${this.file} is not a file of keys: ${reason}`, { cause: error });
    }
  }

  /** @returns undefined if there is no file @throws FILE_UNREADABLE */
  private read(): string | undefined {
    try {
      return readFileSync(this.file, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw new MatvitError('FILE_UNREADABLE', `${this.file}: ${reasonOf(error)}`, { cause: error });
    }
  }

  list(): readonly StoredKey[] {
    return this.keys.map(({ name, access, sha256, created }) => ({ name, access, sha256, created }));
  }

  /** The key that a client presents; takes as long whichever it is, or none. */
  find(key: string): StoredKey | undefined {
    const presented = hash(key);
    let found: StoredKey | undefined;
    for (const stored of this.keys) if (timingSafeEqual(stored.hash, presented)) found = stored;
    return found;
  }

  /** Makes a key, which cannot be had again. @throws OPTION_INVALID for a bad name or one that is taken */
  async add(name: string, access: Access): Promise<string> {
    const key = `matvit_${randomBytes(32).toString('base64url')}`;
    const entry = { name, access, sha256: hash(key).toString('hex'), created: new Date().toISOString() };
    const checked = storedKeys.safeParse([entry]);
    if (!checked.success) throw new MatvitError('OPTION_INVALID', `'${name}': ${checked.error.issues[0]!.message}`);
    await this.change(keys => {
      if (keys.some(key => key.name === name)) throw new MatvitError('OPTION_INVALID', `there is a key '${name}'`);
      return [...keys, entry];
    });
    return key;
  }

  /** @throws NOT_FOUND */
  async remove(name: string): Promise<void> {
    await this.change(keys => {
      const rest = keys.filter(key => key.name !== name);
      if (rest.length === keys.length) throw new MatvitError('NOT_FOUND', `there is no key '${name}'`);
      return rest;
    });
  }

  /** From what the file holds now, with the lock: of two who change it at a time neither undoes the other. */
  private async change(change: (keys: readonly StoredKey[]) => readonly StoredKey[]): Promise<void> {
    const folder = dirname(this.file);
    await mkdir(folder, { recursive: true }).catch((error: unknown) => {
      throw storageFailed(folder, error);
    });
    const lock = await waitForWriteLock(folder, basename(this.file), 10_000);
    try {
      this.reload();
      await writeFileAtomic(this.file, `${JSON.stringify(change(this.list()), null, 2)}\n`);
      this.reload();
    } finally {
      lock.release();
    }
  }
}
