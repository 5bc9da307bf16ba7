/** Attacks on a real `matvit serve`, one after the other, while somebody else searches. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { askChild } from '../ask-child.js';
import type { ServeProcess } from '../serve-process.js';
import type { AttackName, AttackPlan, Outcomes } from './attacks.js';
import { PoliteClient, type Politeness } from './polite-client.js';

const attacker = fileURLToPath(new URL('./attacker.js', import.meta.url));

export const attackNames: readonly AttackName[] = [
  ...(['connections', 'slow clients', 'endless bodies', 'bombs', 'hostile pictures'] as const),
];

export interface AbuseRow {
  readonly attack: AttackName | 'none';
  readonly seconds: number;
  /** how many requests of the attack ended in each way */
  readonly outcomes: Outcomes;
  readonly other: Politeness;
  /** most that the server and its processes held, bytes */
  readonly memory: number;
  /** Did it live on, and answer /readyz? */
  readonly survived: boolean;
}

export interface AbuseOptions extends Omit<AttackPlan, 'url' | 'attack'> {
  readonly onProgress?: (done: number, total: number, what: string) => void;
}

/** The first row is of a time without an attack. */
export async function benchAbuse(server: ServeProcess, options: AbuseOptions): Promise<AbuseRow[]> {
  const { onProgress, ...plan } = options;
  const child = fork(attacker, { serialization: 'advanced' });
  const rows: AbuseRow[] = [];
  try {
    for (const [i, attack] of (['none', ...attackNames] as const).entries()) {
      onProgress?.(i, attackNames.length + 1, attack);
      rows.push(
        await observe(server, attack, async () => {
          if (attack === 'none') return new Promise(resolve => setTimeout(resolve, 1000 * plan.seconds, {}));
          return askChild<Outcomes>(child, { ...plan, attack, url: server.url } satisfies AttackPlan);
        }),
      );
    }
  } finally {
    child.kill();
  }
  return rows;
}

async function observe(
  server: ServeProcess,
  attack: AbuseRow['attack'],
  act: () => Promise<Outcomes>,
): Promise<AbuseRow> {
  const client = await PoliteClient.start(server.url);
  let memory = server.memory();
  const sampling = setInterval(() => (memory = Math.max(memory, server.memory())), 100);
  const began = performance.now();
  const outcomes = await act();
  const seconds = (performance.now() - began) / 1000;
  clearInterval(sampling);
  const other = await client.stop();
  const survived = server.isAlive && (await fetch(`${server.url}/readyz`).then(({ ok }) => ok).catch(() => false)); // prettier-ignore
  return { attack, seconds, outcomes, other, memory, survived };
}
