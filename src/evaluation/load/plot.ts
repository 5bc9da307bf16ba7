/** Attainment and fidelity of each policy against load, as one SVG. */
import type { LoadRow } from './bench-load.js';

const colours = ['#1457d9', '#d9480f', '#2b8a3e', '#862e9c', '#495057'];
const [width, height] = [360, 260];
const frame = { left: 48, top: 34, right: 12, bottom: 44 };

interface Panel {
  readonly title: string;
  readonly value: (row: LoadRow) => number | null;
  readonly rows: readonly LoadRow[];
}

/** @param rows of both traces */
export function plot(rows: readonly LoadRow[]): string {
  const policies = [...new Set(rows.map(({ policy }) => policy))];
  const panels = (['poisson', 'bursty'] as const)
    .map(trace => rows.filter(row => row.trace === trace))
    .filter(some => some.length > 0)
    .flatMap((some): Panel[] => [
      { title: `SLO attainment, ${some[0]!.trace}`, value: row => row.attainment, rows: some },
      { title: `fidelity of answers in time, ${some[0]!.trace}`, value: row => row.fidelity, rows: some },
    ]);
  const total = { width: 2 * width, height: Math.ceil(panels.length / 2) * height + 30 };
  const gap = Math.min(175, (total.width - 20) / policies.length);
  const legend = policies.map(
    (policy, i) =>
      `<rect x="${20 + i * gap}" y="${total.height - 20}" width="10" height="10" fill="${colours[i % colours.length]}"/>` +
      `<text x="${34 + i * gap}" y="${total.height - 11}">${policy}</text>`,
  );
  const drawn = panels.map(
    (panel, i) =>
      `<g transform="translate(${(i % 2) * width} ${Math.floor(i / 2) * height})">${draw(panel, policies)}</g>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${total.width} ${total.height}" font-family="sans-serif" font-size="11">
<rect width="100%" height="100%" fill="white"/>
${[...drawn, ...legend].join('\n')}
</svg>
`;
}

function draw({ title, value, rows }: Panel, policies: readonly string[]): string {
  const most = Math.max(...rows.map(({ times }) => times));
  const x = (times: number) => frame.left + (times / most) * (width - frame.left - frame.right);
  const y = (share: number) => height - frame.bottom - share * (height - frame.top - frame.bottom);
  const grid = [0, 0.25, 0.5, 0.75, 1].map(
    share =>
      `<path d="M${frame.left} ${y(share)}H${width - frame.right}" stroke="#ddd"/>` +
      `<text x="${frame.left - 6}" y="${y(share) + 4}" text-anchor="end">${share}</text>`,
  );
  const loads = [...new Set(rows.map(({ times }) => times))].sort((a, b) => a - b);
  const ticks = loads.map(
    times => `<text x="${x(times)}" y="${height - frame.bottom + 16}" text-anchor="middle">${times}×</text>`,
  );
  const lines = policies.map((policy, i) => {
    const points = rows
      .filter(row => row.policy === policy)
      .sort((a, b) => a.times - b.times)
      .flatMap(row => {
        const share = value(row);
        return share === null ? [] : [{ x: x(row.times).toFixed(1), y: y(share).toFixed(1) }];
      });
    const dots = points.map(
      point => `<circle cx="${point.x}" cy="${point.y}" r="3" fill="${colours[i % colours.length]}"/>`,
    );
    const path = points.map(point => `${point.x} ${point.y}`).join('L');
    return `<path d="M${path}" fill="none" stroke="${colours[i % colours.length]}" stroke-width="2"/>${dots.join('')}`;
  });
  const label = `<text x="${width / 2}" y="${height - 10}" text-anchor="middle">load, of the full model’s capacity</text>`;
  return `<text x="${frame.left}" y="20" font-weight="bold">${title}</text>${[...grid, ...ticks, label, ...lines].join('')}`;
}
