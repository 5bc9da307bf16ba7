import assert from 'node:assert/strict';
import { readConfig, readSetting } from '../src/config.js';
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
      refuses(
        { environment: { MATVIT_PORT: port } },
        new RegExp(`: MATVIT_PORT: '${port}' is not a whole number from 0 to 65535$`),
      );
    refuses({ flags: { queue: '4097' } }, /: --queue: '4097' is not a whole number from 1 to 4096$/);
    refuses({ flags: { logLevel: 'loud' } }, /: --log-level: 'loud' is not one of silent, error, /);
    refuses({ environment: { MATVIT_WRITABLE: 'yes' } }, /: MATVIT_WRITABLE: 'yes' is not true or false$/);
    refuses({ flags: { host: 'x'.repeat(5000) } }, /: --host: a text of 5002 characters is not a text of 1 to 4096/);
    for (const [i, content] of ['{', '[]', '{"port": true}', '{"urlHosts": 1}'].entries()) {
      writeFiles(inFolder('.'), { [`c${i}.json`]: content });
      refuses({ flags: { config: inFolder(`c${i}.json`) } }, new RegExp(`c${i}.json`));
    }
    refuses({ flags: { config: inFolder('c2.json') } }, /c2.json: port: true is not a whole number/);
    writeFiles(inFolder('.'), { 'own.json': '{"constructor": 1}' });
    refuses({ flags: { config: inFolder('own.json') } }, /'constructor' is unknown/);
    refuses({ environment: { MATVIT_CONFIG: '' } }, /MATVIT_CONFIG is empty/);
    assert.throws(() => readConfig({ flags: { config: inFolder('none.json') } }), { code: 'FILE_UNREADABLE' });
  });

  it('takes numbers as they are written', () => {
    const { config } = readConfig({ flags: { maxPixels: '16e6', budget: '.5', queue: '1e2' } });
    assert.deepEqual([config.maxPixels, config.budget, config.queue], [16e6, 0.5, 100]);
  });

  it('refuses origins and hosts that nothing can ever match, and says what to write', () => {
    const origins = 'https://shop.example,http://localhost:3000,null,chrome-extension://abc';
    const urlHosts = 'pictures.example,*,1.2.3.4,2001:db8::1';
    assert.equal(readConfig({ flags: { origins, urlHosts } }).config.urlHosts.length, 4);
    for (const [origins, instead] of [
      ['https://shop.example/', 'https://shop.example'],
      ['https://Shop.example:443', 'https://shop.example'],
      ['shop.example', 'it like https://shop.example'],
      ['localhost:3000', 'it like https://shop.example'],
      ['*', 'it like https://shop.example'],
    ] as const)
      refuses({ flags: { origins } }, new RegExp(`--origins: '.+' is not an origin; write ${instead}$`));
    for (const [urlHosts, instead] of [
      ['https://pictures.example/', 'write pictures.example'],
      ['Pictures.example:8080', 'write pictures.example'],
      ['[2001:db8::1]', 'write 2001:db8::1'],
      ['a b', 'write it like pictures.example'],
      ['*.example', 'name each'],
    ] as const)
      refuses({ flags: { urlHosts } }, new RegExp(`--url-hosts: '.+' is not a host; ${instead}`));
  });

  it('reads one setting, whatever the others are', () => {
    const environment = { MATVIT_PORT: 'tcp://10.0.0.1:7700', MATVIT_KEYS: 'k.json' };
    assert.equal(readSetting('keys', { environment }), 'k.json');
    assert.throws(() => readSetting('port', { environment }), { code: 'OPTION_INVALID' });
    assert.equal(readSetting('port', {}), 7700);
  });
});
