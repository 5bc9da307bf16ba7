/** The attacker's process, forked by bench-abuse.ts; it talks to nobody but the address it is given. */
import { type AttackPlan, type Outcomes, attacks } from './attacks.js';

async function run(plan: AttackPlan): Promise<Outcomes> {
  const outcomes: Outcomes = {};
  await attacks[plan.attack](plan, outcome => (outcomes[outcome] = (outcomes[outcome] ?? 0) + 1));
  return outcomes;
}

process.on('message', (plan: AttackPlan) => {
  void run(plan).then(outcomes => process.send!(outcomes));
});
process.on('disconnect', () => process.exit());
