import assert from 'node:assert/strict';
import { readConfig } from '../src/config.js';
import { settings } from '../src/settings.js';
import { writeFiles } from './corpus/pictures.js';
import { temporaryFolder } from './support/temporary.js';

describe('readConfig', () => {
  const inFolder = temporaryFolder();
  const refuses = (sources: Parameters<typeof readConfig>[0], message: RegExp) =>
    assert.throws(() => readConfig(sources), { code: 'OPTION_INVALID', message });

  it('takes defaults, and says so', () => {
    const { config, origins } = readConfig();
    assert.deepEqual([config.host, config.port, config.writable], ['127.0.0.1', 7700, false]);
    assert.deepEqual(new Set(Object.values(origins)), new Set(['default']));
    assert.ok(Object.isFrozen(config));
    assert.deepEqual(Object.keys(config), Object.keys(settings));
  });

  it('lets flags go before the environment, that before the file', () => {
    writeFiles(inFolder('.'), {
      'a.json': '{"port": 1, "maxPixels": 5000, "rateLimit": 1, "urlHosts": ["a.example"]}',
    });
    const file = inFolder('a.json');
    const environment = {
      MATVIT_PORT: '2',
      MATVIT_RATE_LIMIT: '2',
      MATVIT_ORIGINS: 'https://a.example, https://b.example',
    };
    const { config, origins } = readConfig({ flags: { port: '3', config: file }, environment });
    assert.deepEqual([config.port, config.rateLimit, config.maxPixels], [3, 2, 5000]);
    assert.deepEqual(config.origins, ['https://a.example', 'https://b.example']);
    assert.deepEqual(config.urlHosts, ['a.example']);
    const { port, rateLimit, maxPixels, host } = origins;
    assert.deepEqual([port, rateLimit, maxPixels, host], ['--port', 'MATVIT_RATE_LIMIT', file, 'default']);
    assert.equal(readConfig({ environment: { MATVIT_CONFIG: file } }).config.maxPixels, 5000);
  });

  it('refuses unknown keys, with the nearest known one', () => {
    writeFiles(inFolder('.'), { 'b.json': '{"maxPixel": 5000}' });
    refuses({ flags: { config: inFolder('b.json') } }, /'maxPixel' is unknown; did you mean 'maxPixels'\?/);
    refuses({ environment: { MATVIT_PROT: '1' } }, /'MATVIT_PROT' is unknown; did you mean 'MATVIT_PORT'\?/);
  });

  it('refuses values that cannot be, with their origin', () => {
    for (const port of ['65536', '-1', '1.5', 'x', '', ' 1'])
      refuses({ environment: { MATVIT_PORT: port } }, /MATVIT_PORT: port: /);
    refuses({ flags: { queue: '4097' } }, /--queue: queue: /);
    refuses({ flags: { logLevel: 'loud' } }, /--log-level: logLevel: /);
    refuses({ environment: { MATVIT_WRITABLE: 'yes' } }, /MATVIT_WRITABLE/);
    for (const [i, content] of ['{', '[]', '{"port": true}', '{"urlHosts": 1}'].entries()) {
      writeFiles(inFolder('.'), { [`c${i}.json`]: content });
      refuses({ flags: { config: inFolder(`c${i}.json`) } }, new RegExp(`c${i}.json`));
    }
    assert.throws(() => readConfig({ flags: { config: inFolder('none.json') } }), { code: 'FILE_UNREADABLE' });
  });
});
