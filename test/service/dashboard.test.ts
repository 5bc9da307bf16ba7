import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { Metrics } from '../../src/service/metrics.js';

const dashboard = new URL('../../../deploy/grafana.json', import.meta.url);

interface Dashboard {
  readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[];
}

describe('the Grafana dashboard', () => {
  it('asks for metrics and labels that /metrics has', async () => {
    const { registry } = new Metrics(() => assert.fail('nothing is measured here'));
    const parts = (type: string, name: string) =>
      type === 'histogram' ? ['_bucket', '_sum', '_count'].map(end => name + end) : [name];
    const metrics = registry.getMetricsAsArray() as unknown as { name: string; type: string; labelNames: string[] }[];
    const labels = new Map(
      metrics.flatMap(({ name, type, labelNames }) => parts(type, name).map(part => [part, labelNames] as const)),
    );
    const { panels } = JSON.parse(await readFile(dashboard, 'utf8')) as Dashboard;
    assert.ok(panels.length >= 8);
    for (const { title, targets } of panels)
      for (const { expr } of targets) {
        const asked = [...expr.matchAll(/\b((?:matvit|nodejs|process)_\w+)(?:\{([^}]*)\})?/g)];
        assert.ok(asked.length > 0, `${title}: ${expr}`);
        for (const [, name, selectors = ''] of asked) {
          const known = labels.get(name!);
          assert.ok(known, `${title}: /metrics has no ${name}`);
          const by = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list]) => list!.split(', '));
          const used = [...selectors.matchAll(/(\w+)(?==)/g)].map(([label]) => label);
          for (const label of [...used, ...by])
            assert.ok(['instance', 'le', ...known].includes(label), `${title}: ${name} has no label ${label}`);
        }
      }
  });
});
