import assert from 'node:assert/strict';
import { readFile, readdir, symlink } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import type { Command } from 'commander';
import pMap from 'p-map';
import { commands } from '../../scripts/commands.js';
import { line } from '../../scripts/train.js';
import { once } from 'node:events';
import type { ErrorCode } from '../../src/errors.js';
import type { IndexTiming } from '../../src/evaluation/bench-index.js';
import type { SearchBench } from '../../src/evaluation/bench-search.js';
import { ServeProcess } from '../../src/evaluation/serve-process.js';
import { readModel } from '../../src/model/bundle.js';
import { writeSafetensors } from '../../src/model/safetensors.js';
import type { SearchAnswer } from '../../src/search/searcher.js';
import { stripes, writeFiles } from '../corpus/pictures.js';
import { maxDifference } from '../support/numbers.js';
import { plainVit } from '../support/plain-vit.js';
import { serveStatic } from '../support/serve.js';
import { writePictures, writeSmallModel } from '../support/small.js';
import { temporaryFolder } from '../support/temporary.js';
import { submodel, tinyPixels } from '../support/tiny.js';
import { expectError, json, matvit, output, start } from './run-matvit.js';

type Row = Readonly<Record<string, unknown>>;

describe('matvit', function () {
  this.timeout(240_000); // many processes, which a busy machine may starve
  const inFolder = temporaryFolder();
  let model: string;
  let pictures: string;
  let index: string;
  let query: string;
  let onIndex: string[];
  before(async () => {
    [model, pictures, index] = [inFolder('model'), inFolder('pictures'), inFolder('index')];
    await writeSmallModel(model);
    await writePictures(pictures, 12);
    query = `${pictures}/2/005.png`;
    onIndex = ['--index', index, '--model', model];
    await output('index', pictures, ...onIndex);
  });

  describe('--help', () => {
    const helpOf = (command: Command): string => {
      let help = '';
      command.configureOutput({ writeOut: text => (help += text) }).outputHelp();
      return help;
    };
    it('explains the program and what it can do', async () => {
      const help = await output('--help');
      assert.match(help, /\n {2}\$ matvit demo\n/);
      for (const command of commands) assert.match(help, new RegExp(`\\n {2}${command.name()} .*\\w`));
      const { code, stderr } = await matvit(); // without a command
      assert.deepEqual([code, stderr], [1, help]);
      assert.match(await output('help', 'bench', 'load'), /^Usage: matvit bench load /);
    });

    it('explains every command, with an example', () => {
      const example = (name: string) =>
        new RegExp(`\\nExamples?:\\n {2}\\$ (MATVIT_\\w+=\\S+ )?matvit ${name}( |\\n|$)`);
      for (const command of commands) {
        assert.match(helpOf(command), example(command.name()), command.name());
        if (command.name() === 'snapshot') continue; // its own has an example of each
        for (const below of command.commands) assert.match(helpOf(below), example(`${command.name()} ${below.name()}`));
      }
    });
  });

  it('says in one line what is wrong', async () => {
    writeFiles(inFolder('.'), {
      'empty/readme.txt': '',
      'bad\nname.csv': 'path\na\na',
      'plain.safetensors': 'not one',
    });
    await writeSmallModel(inFolder('other'), 2);
    const other = ['--index', index, '--model', inFolder('other')];
    const fresh = ['--index', inFolder('fresh'), '--model', model];
    const evaluation = ['evaluate', '--model', model, '--gallery'];
    const cases: [ErrorCode, ...string[]][] = [
      ['OPTION_INVALID', 'find', query],
      ['OPTION_INVALID', 'search', query, '--colour'],
      ['OPTION_INVALID', 'search', query, '-k', '0', ...onIndex],
      ['OPTION_INVALID', 'serve', '--port', '65536', ...onIndex],
      ['OPTION_INVALID', 'index', model, ...onIndex], // the index is of another folder
      ['FILE_UNREADABLE', 'search', `${pictures}/none.jpg`, ...onIndex],
      ['FILE_UNREADABLE', 'search', query, '--index', index, '--model', inFolder('nowhere')],
      ['INDEX_MISSING', 'search', query, '--index', inFolder('nowhere'), '--model', model],
      ['MODEL_MISMATCH', 'search', query, ...other],
      ['MODEL_MISMATCH', 'index', pictures, ...other],
      ['FOLDER_UNREADABLE', 'index', inFolder('nowhere'), ...fresh],
      ['METADATA_INVALID', 'index', pictures, '--metadata', inFolder('bad\nname.csv'), ...fresh],
      ['FOLDER_UNREADABLE', ...evaluation, inFolder('empty'), '--queries', pictures],
      ['OPTION_INVALID', ...evaluation, pictures, '--queries', pictures, '--at', ','],
      ['OPTION_INVALID', 'index', pictures, '--workers', '1025', ...onIndex],
      ['OPTION_INVALID', 'average', model, '--out', ''],
      ['OPTION_INVALID', 'bench', 'swap', '--rate', '0'],
      ['OPTION_INVALID', 'help', 'nope'],
      ['OPTION_INVALID', 'help', 'bench', 'nope'],
      ['OPTION_INVALID', 'search', query, '--index', '', '--model', model],
      ['FILE_UNREADABLE', 'snapshot', 'restore', pictures, '--index', inFolder('restored')],
      ['OPTION_INVALID', 'demo', '--index', 'postgres://nobody@localhost/none', '--model', model],
      ['OPTION_INVALID', 'import', inFolder('plain.safetensors'), '--out', inFolder('imported')],
      ['CHECKPOINT_CORRUPT', 'import', inFolder('plain.safetensors'), '--keep-order', '--out', inFolder('imported')],
      ['OPTION_INVALID', 'import', inFolder('plain.safetensors'), '--keep-order', '--images', pictures, '--out', 'x'],
      ['OPTION_INVALID', 'import', inFolder('plain.safetensors'), '--keep-order', '--std', '0.2,0,0.2', '--out', 'x'],
      ['OPTION_INVALID', 'import', inFolder('plain.safetensors'), '--keep-order', '--samples', '9', '--out', 'x'],
      ['OPTION_INVALID', 'import', inFolder('plain.safetensors'), '--keep-order', '--mean', '0.5,0.5', '--out', 'x'],
    ];
    await pMap(cases, ([code, ...args]) => expectError(code, ...args), { concurrency: 2 });
    assert.ok(!(await readdir(inFolder('.'))).includes('imported'));
  });

  describe('search', () => {
    it('prints one JSON object with hits and cost', async () => {
      const answer = await json<SearchAnswer>('search', query, '-k', '3', ...onIndex);
      assert.deepEqual(Object.keys(answer), ['hits', 'next', 'cost']);
      assert.equal(answer.hits.length, 3);
      const { id, score, ...rest } = answer.hits[0]!;
      assert.deepEqual(rest, { path: '2/005.png', metadata: { label: '2' } });
      assert.ok(Number.isInteger(id) && score > 0.999);
      assert.deepEqual(Object.keys(answer.cost), [
        'at',
        'why',
        'fidelity',
        'relativeMacs',
        'cores',
        'ms',
        'predictedMs',
        'waiting',
        'rate',
      ]);
      assert.deepEqual([answer.cost.at, answer.cost.relativeMacs], ['XL@224:fp32', 1]);
      assert.deepEqual(Object.keys(answer.cost.ms), ['decode', 'wait', 'encode', 'search', 'total']);
    });

    it('prints hits and cost for people', async () => {
      const text = await output('search', query, '--at', 'S@112:int8', ...onIndex);
      assert.match(text, /^ {3}1 {2}\d\.\d{4} {2}\d\/\d{3}\.png {2}\[\d\]\n/);
      assert.equal(text.trim().split('\n').length, 12); // 10 hits, where to go on, what it cost
      assert.match(text, /\nat S@112:int8, \d+% of the full model's MACs: [\d.]+ ms \(decode .*\)\n$/);
    });

    it('counts the values of fields, wherever they are asked for', async () => {
      const { facets } = await json<SearchAnswer>('search', '--facet', 'label', '--facet', 'none', query, ...onIndex);
      assert.deepEqual([Object.keys(facets!), facets!['none']], [['label', 'none'], []]);
    });

    it('says when there is nothing like the picture', async () => {
      writeFiles(inFolder('.'), { 'stripes.png': await stripes() });
      await writePictures(inFolder('many'), 110);
      const onMany = ['--index', inFolder('many-index'), '--model', model];
      await output('index', inFolder('many'), ...onMany);
      const text = await output('search', inFolder('stripes.png'), '-k', '3', ...onMany);
      assert.match(text, /^nothing like it here \(familiarity 0\.0[012]\d\); the nearest are\n {3}1 {2}/);
    });

    it('ends quietly when nobody reads what it prints', async () => {
      const { child, outcome } = start('search', query, '--json', ...onIndex);
      outcome.catch(() => undefined);
      child.stdout.destroy();
      const stderr: Buffer[] = [];
      child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
      await once(child, 'exit');
      assert.equal(Buffer.concat(stderr).toString(), '');
    });
  });

  describe('evaluate', () => {
    it('prints one JSON object, stable for scripts', async () => {
      const folders = ['--gallery', pictures, '--queries', pictures];
      const args = ['evaluate', ...folders, '--model', model, '--at', 'XL,S@112:int8', 'M@160'];
      const { points, ...rest } = await json<{ points: Row[] }>(...args);
      assert.deepEqual(rest, {});
      assert.deepEqual(
        points.map(point => point['at']),
        ['XL@224:fp32', 'S@112:int8', 'M@160:fp32'],
      );
      for (const { at, ...figures } of points) {
        assert.deepEqual(Object.keys(figures), ['relativeMacs', 'accuracy1nn', 'top1Agreement', 'recallAt10']);
        for (const figure of Object.values(figures)) assert.ok(Number(figure) >= 0 && Number(figure) <= 1, String(at));
      }
      const all = { relativeMacs: 1, accuracy1nn: 1, top1Agreement: 1, recallAt10: 1 };
      assert.deepEqual(points[0], { at: 'XL@224:fp32', ...all });
    });
  });

  describe('bench', () => {
    const allPositive = (row: object): void => {
      for (const [key, value] of Object.entries(row)) assert.ok(typeof value === 'string' || value > 0, key);
    };

    it('of the encoder prints one JSON object, stable for scripts', async () => {
      const { points, ...rest } = await json<{ points: Row[] }>('bench', 'encoder', '--rounds', '1', '--model', model);
      assert.deepEqual(rest, {});
      assert.equal(points.length, 4 * 3 * 2);
      for (const point of points) {
        assert.deepEqual(Object.keys(point), ['at', 'ms', 'staticMs', 'ratioToStatic', 'ratioToXL224']);
        allPositive(point);
      }
      assert.equal(points.find(point => point['at'] === 'XL@224:fp32')!['ratioToXL224'], 1);
    });

    it('of indexing and of searching print one JSON object', async () => {
      const indexing = await json<IndexTiming>(
        ...['bench', 'index', '--images', pictures, '--rounds', '1', '--model', model],
      );
      assert.equal(indexing.pictures, 12);
      allPositive(indexing);
      const { points, ...searching } = await json<SearchBench>('bench', 'search', '--queries', '4', ...onIndex);
      assert.equal(searching.hnswRecallAt10, 1);
      for (const row of [searching, ...points]) allPositive(row);
    });
  });

  describe('import', () => {
    const { timm } = plainVit(1);
    const embedded = async (folder: string) => {
      const { checkpoint } = await readModel(folder);
      const vectors = await (await serveStatic(checkpoint, submodel('XL'), 'fp32'))(tinyPixels(1, 2, 16), 16);
      return { checkpoint, vectors };
    };

    it('orders neurons and leaves what the whole model computes as it is', async () => {
      const file = inFolder('vit.safetensors');
      await writeSafetensors(file, timm, 'F32');
      await output('import', file, '--heads', '2', '--keep-order', '--out', inFolder('kept'));
      const ordering = ['--images', pictures, '--samples', '10'];
      await output('import', file, '--heads', '2', ...ordering, '--out', inFolder('ordered'));
      const [kept, ordered] = [await embedded(inFolder('kept')), await embedded(inFolder('ordered'))];
      assert.ok(maxDifference(kept.vectors, ordered.vectors) < 1e-5);
      const up = 'layers.0.up.bias';
      assert.notDeepEqual(ordered.checkpoint.weights.get(up), kept.checkpoint.weights.get(up));
      assert.deepEqual(ordered.checkpoint.weights.get(up)!.toSorted(), kept.checkpoint.weights.get(up)!.toSorted());
      const card = JSON.parse(await readFile(inFolder('ordered/model.json'), 'utf8')) as Row;
      assert.deepEqual([card['name'], card['fingerprint']], ['vit', ordered.checkpoint.fingerprint]);
    });

    it('refuses what is no plain ViT', async () => {
      const nothing = inFolder('nothing.safetensors');
      await writeSafetensors(nothing, { metadata: {}, tensors: new Map() }, 'F32');
      await expectError('CHECKPOINT_MISMATCH', 'import', nothing, '--keep-order', '--out', inFolder('no'));
      assert.ok(!(await readdir(inFolder('.'))).includes('no'));
    });
  });

  describe('train', () => {
    it('adapts an encoder to linked pictures, and leaves a model wherever it ends', async () => {
      await symlink(pictures, inFolder('links'));
      const run = inFolder('run');
      const size = ['--batch', '4', '--views', '16', '--steps', '40'];
      const on = ['train', '--adapt', '--init', model, '--images', inFolder('links'), ...size, '--out', run];
      const { child, outcome } = start(...on, '--workers', '1');
      while (!(await readFile(`${run}/metrics.jsonl`, 'utf8').catch(() => '')).includes('\n')) await setTimeout(20);
      for (let times = 0; times < 2; times++) child.kill('SIGHUP'); // as a terminal does that is closed
      const { code, stdout } = await outcome;
      assert.equal(code, 1);
      assert.match(stdout, /\ninterrupted after \d+ of 40 steps: .* --resume goes on\n$/);
      const stopped = await readModel(run);
      const steps = Number(/, (\d+) of 40 steps/.exec(stopped.card.description)![1]);
      assert.ok(steps > 0 && steps < 40, `${steps}`);

      // said before any picture is read
      await expectError('RESUME_MISMATCH', ...on, '--resume', '--seed', '9', '--images', inFolder('not there'));
      await output(...on, '--resume'); // with as many workers as it began with
      const { card, checkpoint } = await readModel(run);
      assert.equal(card.description, 'matvit train, 40 of 40 steps');
      assert.deepEqual(
        card.provenance.map(line => line.split(' ')[0]),
        ['random', 'from', 'pictures:'],
      );
      assert.notEqual(checkpoint.fingerprint, stopped.checkpoint.fingerprint);
      const lines = (await readFile(`${run}/metrics.jsonl`, 'utf8')).trimEnd().split('\n');
      assert.deepEqual(
        lines.map(line => (JSON.parse(line) as Row)['step']),
        Array.from({ length: 40 }, (_, i) => i + 1),
      );
    });
  });

  it('trains from scratch at a resolution, which is then the model’s own', async () => {
    const out = inFolder('scratch');
    const size = ['--steps', '1', '--batch', '2', '--workers', '1', '--resolution', '32'];
    await output('train', '--objective', 'plain', ...size, '--images', pictures, '--out', out);
    const { checkpoint } = await readModel(out);
    assert.equal(checkpoint.architecture.resolution, 32);
    const folders = ['--gallery', pictures, '--queries', pictures];
    const { points } = await json<{ points: Row[] }>('evaluate', ...folders, '--model', out, '--at', 'XL');
    assert.equal(points[0]!['at'], 'XL@32:fp32');
  });

  it('logs how far training is, and how long it will take', () => {
    const pass = { submodel: 'XL', resolution: 96, loss: 0.5, cosine: 0.25 };
    const metrics = { step: 30, learningRate: 1e-3, gradientNorm: 1, viewsPerSecond: 8, passes: [pass] };
    assert.equal(line(metrics, { steps: 150, batch: 32 }), 'step 30 of 150  ETA 8 min  8.0 views/s  XL@96 0.250');
  });

  describe('train, before it reads a picture', () => {
    it('says what does not go together', async () => {
      const on = ['train', '--images', inFolder('nothing'), '--out', inFolder('no')];
      const distil = [...on, '--init', model];
      const cases: [ErrorCode, string[]][] = [
        ['OPTION_INVALID', on], // what is to be nested?
        ['OPTION_INVALID', [...distil, '--resolution', '64']],
        ['OPTION_INVALID', [...distil, '--submodel', 'S']],
        ['OPTION_INVALID', [...distil, '--reschedule']],
        ['OPTION_INVALID', [...distil, '--workers', '3']],
        ['OPTION_INVALID', [...on, '--objective', 'joint', '--teacher', model]],
        ['OPTION_INVALID', [...on, '--objective', 'joint', '--adapt']],
        ['RUN_EXISTS', ['train', '--adapt', '--init', model, '--images', pictures, '--out', model]],
        ['RESOLUTION_INVALID', [...on, '--objective', 'joint', '--resolution', '50']],
        ['OPTION_INVALID', [...distil, '--memory', '0']],
        ['RUN_MISSING', [...distil, '--resume']],
      ];
      await pMap(cases, ([code, args]) => expectError(code, ...args), { concurrency: 2 });
    });
  });

  describe('average', () => {
    it('writes a model between others, by their shares', async () => {
      await writeSmallModel(inFolder('second'), 3);
      const mean = inFolder('mean');
      await output('average', `${model}=3`, inFolder('second'), '--out', mean);
      const of = async (folder: string) => (await readModel(folder)).checkpoint.weights.get('layers.0.up.weight')!;
      const [first, second, between] = await Promise.all([model, inFolder('second'), mean].map(of));
      const expected = first!.map((weight, i) => 0.75 * weight + 0.25 * second![i]!);
      assert.ok(maxDifference(between!, expected) < 1e-3); // stored as fp16
      const { provenance } = (await readModel(mean)).card;
      assert.deepEqual([provenance[0], provenance.length], ['random numbers', 3]);
    });

    it('replaces nothing, nor does import', async () => {
      await expectError('RUN_EXISTS', 'average', model, '--out', model);
      await expectError('RUN_EXISTS', 'import', inFolder('vit.safetensors'), '--keep-order', '--out', model);
    });

    it('refuses what is no share', async () => {
      for (const share of ['0', '-1', 'x'])
        await expectError('OPTION_INVALID', 'average', `${model}=${share}`, '--out', inFolder('no'));
    });
  });

  describe('serve', () => {
    it('says where, answers, and ends well when it is told to', async () => {
      const { child, outcome } = start('serve', '--port', '0', '--log-level', 'warn', ...onIndex);
      const [line] = (await once(child.stdout, 'data')) as [Buffer];
      const [, url] = /^(http:\/\/127\.0\.0\.1:\d+) {2}12 pictures, onnx/.exec(line.toString())!;
      const health = (await (await fetch(`${url}/healthz`)).json()) as Row;
      assert.deepEqual([health['status'], health['images']], ['ok', 12]);
      const body = await readFile(query);
      const response = await fetch(`${url}/v1/search?k=1&at=XL@160`, { method: 'POST', body });
      const { hits, cost } = (await response.json()) as SearchAnswer;
      assert.deepEqual([hits.length, cost.at], [1, 'XL@160:fp32']);
      assert.match(await (await fetch(`${url}/`)).text(), /^<!doctype html>/i);
      child.kill('SIGTERM');
      await once(child.stderr, 'data');
      child.kill('SIGHUP'); // there is nothing to take up any more
      const { code, signal, stderr } = await outcome;
      assert.deepEqual([code, signal], [0, null], stderr);
      assert.equal(stderr, '\nstopping; once more to stop at once\n');
      await assert.rejects(fetch(`${url}/healthz`));
    });

    it('goes on, and ends well, when nobody reads its log any more', async () => {
      const server = await ServeProcess.start(onIndex);
      server.child.stderr!.destroy();
      try {
        const patience = { signal: AbortSignal.timeout(10_000) };
        for (let i = 0; i < 3; i++) {
          const response = await fetch(`${server.url}/v1/frontier`, patience);
          await response.text();
          assert.equal(response.status, 200);
          await setTimeout(50); // each is logged after its answer
        }
        assert.equal(await server.stop(), 0);
      } finally {
        server.child.kill('SIGKILL');
      }
    });
  });
});
