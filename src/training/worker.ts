/**
 * One of the threads that train. Each takes its share of a step's views, computes its own gradient with one thread of
 * ONNX Runtime, and then sums and applies all gradients for its share of the parameters. Two such threads are faster than
 * one session with two: nothing in a step waits for its slowest operator.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { adamw } from './adamw.js';
import { type Range, addScaled, scale } from './arrays.js';
import { GradientComputer } from './gradient.js';
import type { WorkerRequest, WorkerSetup } from './protocol.js';

const setup = workerData as WorkerSetup;
const port = parentPort!;
const { shared, layout, index } = setup;
const gradients = shared.gradients.map(buffer => new Float32Array(buffer));
const state = {
  weights: new Float32Array(shared.weights),
  firstMoment: new Float32Array(shared.firstMoment),
  secondMoment: new Float32Array(shared.secondMoment),
  average: new Float32Array(shared.average),
};
const anchor = shared.anchor && new Float32Array(shared.anchor);
const share = (i: number) => Math.floor((layout.length * i) / gradients.length);
const range: Range = [share(index), share(index + 1)];
const computer = await GradientComputer.create(setup);

/** Averages the threads' gradients over this thread's range, into the first; gives the square of the mean's norm. */
function sumGradients(): number {
  const [sum, ...others] = gradients as [Float32Array, ...Float32Array[]];
  for (const other of others) addScaled(sum, other, 1, range);
  return scale(sum, 1 / gradients.length, range);
}

async function answer(request: WorkerRequest): Promise<unknown> {
  switch (request.kind) {
    case 'gradient':
      return computer.run(request.step);
    case 'sum':
      return sumGradients();
    case 'update':
      adamw(layout, state, gradients[0]!, anchor, range, request.options);
      return null;
  }
}

port.on('message', (request: WorkerRequest | 'end') => {
  if (request === 'end') port.close();
  else
    answer(request).then(
      value => port.postMessage({ value }),
      (error: unknown) => port.postMessage({ error }),
    );
});
port.postMessage({ value: 'ready' });
