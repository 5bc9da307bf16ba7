/** What the routes work with. */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { type Config, readConfig } from '../config.js';
import { Writer } from '../corpus/writer.js';
import { MatvitError } from '../errors.js';
import { type Decoder, inProcess } from '../image/decoder.js';
import { type ImageLimits, forOwn, limitsOf } from '../image/limits.js';
import type { Searcher } from '../search/searcher.js';
import { aside } from './aside.js';
import { Jobs } from './jobs.js';
import { KeyRing } from './keys.js';
import { Leases } from './leases.js';
import { type Logger, createLogger } from './log.js';
import { Metrics } from './metrics.js';
import { onDisk } from './on-disk.js';
import { Thumbnails } from './thumbnails.js';
import { UploadMemory } from './upload.js';

export interface ServiceOptions {
  readonly config?: Config;
  readonly log?: Logger;
  /** of thumbnails, and of pictures that are added */
  readonly decoder?: Decoder;
  /** Opens index and model again, for a hot swap. */
  readonly open?: () => Promise<Searcher>;
}

export class Service {
  readonly config: Config;
  readonly log: Logger;
  readonly keys: KeyRing;
  readonly decoder: Decoder;
  /** of strangers' pictures */
  readonly limits: ImageLimits;
  /** of the indexed folder's, as for `matvit index` */
  readonly folderLimits: ImageLimits;
  readonly uploads: UploadMemory;
  readonly metrics: Metrics;
  readonly thumbnails: Thumbnails;
  readonly jobs = new Jobs();
  /** the index and the model in use; those of requests that began before a swap stay until they end */
  readonly searchers: Leases<Searcher>;
  /** Does it answer, but no longer wants to be asked? */
  draining = false;
  /** Does it refuse what is new? */
  stopping = false;
  private readonly open: (() => Promise<Searcher>) | undefined;
  private swap: Promise<Searcher> | undefined;
  private readonly writers = new WeakMap<Searcher, Writer>();

  /** @throws OPTION_INVALID if keys are needed and there are none, FILE_UNREADABLE */
  constructor(
    searcher: Searcher,
    { config = readConfig().config, log = createLogger(config), decoder = inProcess, open }: ServiceOptions = {},
  ) {
    this.config = config;
    this.log = log;
    this.decoder = decoder;
    this.open = open;
    this.keys = KeyRing.open(config.keys);
    this.limits = limitsOf(config);
    this.folderLimits = forOwn(this.limits);
    this.metrics = new Metrics(() => this.searcher);
    this.thumbnails = new Thumbnails(this);
    this.uploads = new UploadMemory(config.uploadMemory);
    this.searchers = new Leases(searcher, retired => {
      retired.close().catch((error: unknown) => log.error(error, 'closing what was replaced'));
    });
    if (this.needsKey && this.keys.list().length === 0)
      throw new MatvitError(
        'OPTION_INVALID',
        `it would ask for keys (host ${config.host}, auth ${config.auth}, trustProxy ${config.trustProxy}) and there are ` +
          'none; see matvit keys --help',
      );
  }

  get searcher(): Searcher {
    return this.searchers.current;
  }

  /**
   * What changes a searcher's index: one, so that what comes at the same time shares a transaction.
   * @throws INDEX_READ_ONLY for an index in PostgreSQL
   */
  writerOf(searcher: Searcher): Writer {
    const { index, encoder } = searcher;
    let writer = this.writers.get(searcher);
    if (!writer) {
      const { limits, decoder } = this;
      writer = new Writer(onDisk(index), aside(encoder), { limits, decode: decoder.decode });
      this.writers.set(searcher, writer);
    }
    return writer;
  }

  /** Anyone who reaches loopback is on this machine, unless a proxy there lets others in. */
  get needsKey(): boolean {
    const { auth, host, trustProxy } = this.config;
    return auth === 'always' || trustProxy > 0 || !isLoopback(host);
  }

  /**
   * Takes up keys, model and index as they are now on disk; requests do not notice. Called twice at once, it does so once.
   * @throws what opening them does, with model and index as they were; keys that are gone are so in any case
   */
  async reload(): Promise<Searcher> {
    this.keys.reload();
    if (!this.open) return this.searcher;
    this.swap ??= this.openWarm().finally(() => (this.swap = undefined));
    const swapping = this.swap;
    const next = await swapping;
    if (next !== this.searcher) this.searchers.replace(next);
    return next;
  }

  /** Waits until nothing is being taken up; after `stopping` it would not be taken up either. */
  async settled(): Promise<void> {
    await this.swap?.catch(() => undefined);
  }

  private async openWarm(): Promise<Searcher> {
    const opened = await this.open!();
    try {
      if (!this.stopping) await opened.warmUp();
      if (this.stopping) throw new MatvitError('SERVER_STOPPING', 'it takes up nothing any more');
      return opened;
    } catch (error) {
      await opened.close();
      throw error;
    }
  }
}

function isLoopback(host: string): boolean {
  if (host === 'localhost') return true;
  return isIP(host) !== 0 && ipaddr.process(host).range() === 'loopback';
}
