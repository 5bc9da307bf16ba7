import { readConfig } from '../../src/config.js';
import type { ErrorCode } from '../../src/errors.js';
import type { Searcher } from '../../src/search/searcher.js';
import { Service, type ServiceOptions } from '../../src/service/service.js';

/** A service on a free port that logs nothing, limits no rate and stops at once, unless the flags say otherwise. */
export function testService(
  searcher: Searcher,
  flags: Readonly<Record<string, unknown>> = {},
  options: Omit<ServiceOptions, 'config'> = {},
): Service {
  const quiet = { port: 0, logLevel: 'silent', rateLimit: 0, drain: 0 };
  const { config } = readConfig({ flags: { keys: `${searcher.index.folder}/keys.json`, ...quiet, ...flags } });
  return new Service(searcher, { config, ...options });
}

/** Of an answer that is an error. */
export const codeOf = async (response: Response) => ((await response.json()) as { code: ErrorCode }).code;
