/** One JSON line a request: never what was asked, which may be somebody's picture or name. */
import { randomBytes } from 'node:crypto';
import type { RequestHandler } from 'express';
import { type Logger, destination, pino } from 'pino';
import type { Config } from '../config.js';

export type { Logger };

export const createLogger = ({ logLevel }: Pick<Config, 'logLevel'>): Logger =>
  pino({ level: logLevel, base: null }, { write });

const stderr = destination({ dest: 2, sync: true, minLength: 2 ** 13 });
let isDue = false;

/** Lines of one turn of the event loop go out in one write. */
function write(line: string): void {
  stderr.write(line);
  if (isDue) return;
  isDue = true;
  setImmediate(flush);
}

function flush(): void {
  isDue = false;
  // Written when it returns. flushSync would wait for the disk too, 2 ms of the event loop, and try for ever once nobody
  // reads: a broken pipe, which pino ignores here.
  stderr.flush();
}

process.on('exit', flush);

const processId = randomBytes(4).toString('hex');
let requests = 0;

/** Gives every request an id, which a proxy may have chosen, and logs how it ended. */
export const logRequests =
  (log: Logger): RequestHandler =>
  (request, response, next) => {
    const began = performance.now();
    const given = request.get('X-Request-Id');
    const id = given !== undefined && /^[\w.-]{1,64}$/.test(given) ? given : `${processId}-${++requests}`;
    response.locals['id'] = id;
    response.set('X-Request-Id', id);
    if (log.isLevelEnabled('info')) {
      const client = request.ip; // its socket may have gone at the end
      response.once('close', () => {
        const { route, key, code } = response.locals as Record<string, string | undefined>;
        const status = response.writableFinished ? response.statusCode : 499;
        const ms = Math.round(100 * (performance.now() - began)) / 100;
        log.info({ id, method: request.method, route, status, ms, client, key, code }, 'request');
      });
    }
    next();
  };
