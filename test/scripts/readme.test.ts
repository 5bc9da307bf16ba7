import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { ServeProcess } from '../../src/evaluation/serve-process.js';
import { picture, writeFiles } from '../corpus/pictures.js';
import { writeSmallModel } from '../support/small.js';
import { temporaryFolder } from '../support/temporary.js';
import { output } from './run-matvit.js';

const shell = promisify(execFile);
const readme = new URL('../../../README.md', import.meta.url);

interface Example {
  readonly line: string;
  /** what `api` stands for, with the server's address in it */
  readonly block: string;
}

/** Every line of the README's shell blocks that runs curl. */
async function curlLines(): Promise<Example[]> {
  const blocks = (await readFile(readme, 'utf8')).matchAll(/```sh\n(.*?)```/gs);
  return [...blocks].flatMap(([, block = '']) =>
    block
      .split('\n')
      .filter(line => /\bcurl\b/.test(line) && !line.includes('matvit'))
      .map(line => ({ line, block })),
  );
}

describe('the curl lines of the README', function () {
  this.timeout(120_000);
  const inFolder = temporaryFolder();
  let server: ServeProcess;
  before(async () => {
    await writeSmallModel(inFolder('model'));
    for (let i = 0; i < 6; i++)
      writeFiles(inFolder('pictures'), { [`${i % 2 ? 'Soups' : 'Fruits'}/${i}.png`]: await picture(i) });
    for (const [i, name] of ['query', 'other', 'new', 'one', 'two'].entries())
      writeFiles(inFolder('.'), { [`${name}.jpg`]: await picture(i + 10) });
    const on = ['--index', inFolder('index'), '--model', inFolder('model')];
    await output('index', inFolder('pictures'), ...on);
    server = await ServeProcess.start([...on, '--writable', '--url-hosts', 'pictures.example', '--drain', '0']);
  });
  after(() => server.stop());

  it('show each kind of search, and each gets its answer', async () => {
    const lines = await curlLines();
    const kinds = [/--data-binary @query/, /-F image/, /base64/, /"id"/, /"url"/, /"weight"/, /unlike/, /crop/]; // prettier-ignore
    kinds.push(/search\/batch/, /search\/vector/, /"filter"/, /"facets"/, /collapse/, /budgetMs/, /minScore/);
    for (const kind of kinds) assert.ok(lines.some(({ line }) => kind.test(line)), String(kind)); // prettier-ignore
    for (const { line } of lines) {
      const command = line.replaceAll('http://127.0.0.1:7700', server.url);
      const { stdout } = await shell('bash', ['-c', `set -o pipefail; api=${server.url}/v1\n${command}`], {
        cwd: inFolder('.'),
      });
      if (/> *backup/.test(line)) {
        assert.ok((await stat(inFolder('backup.tar'))).size > 1000, line);
        continue;
      }
      const answer = JSON.parse(stdout) as Record<string, unknown>;
      // no such host: what is checked is that it was tried
      if (line.includes('"url"')) assert.equal(answer['code'], 'URL_UNREACHABLE', stdout);
      else assert.ok(!('status' in answer), `${line}: ${stdout}`);
      if (/\/search\/batch/.test(line)) assert.equal((answer['answers'] as unknown[]).length, 2, stdout);
      else if (/\/search/.test(line) && !line.includes('"url"'))
        assert.ok((answer['hits'] as unknown[]).length > 0, `${line}: ${stdout}`);
    }
  });
});
