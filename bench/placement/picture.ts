import type { Score } from './judge.ts';

/** One bar. */
export interface Bar {
  readonly name: string;
  readonly score: Score;
}

const PARTS = [
  ['right', 'runs where it is', '#2a9d5c'],
  ['wrong', 'bound where it cannot run', '#d1383d'],
  ['missed', 'waits, though a node has room', '#e8a33d'],
  ['waiting', 'waits, no node has room', '#8a94a6'],
] as const;
const WIDTH = 760;
const LEFT = 150;
const SCALE = WIDTH - LEFT - 20;

/** The bars as an SVG that is read on light and on dark ground. */
export function picture(title: string, bars: readonly Bar[]): string {
  const height = 92 + bars.length * 46;
  const rows = bars.map(({ name, score }, index) => bar(name, score, 48 + index * 46));
  const legend = PARTS.map(([, text, colour], index) => {
    const x = 20 + index * 185;
    return `<rect x="${x}" y="${height - 28}" width="12" height="12" rx="2" fill="${colour}"/><text x="${x + 18}" y="${height - 18}" class="small">${text}</text>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${title}">`,
    '<style>text{font-family:system-ui,sans-serif;font-size:14px;fill:#1f2430}.small{font-size:12px}.on{fill:#fff;font-size:12px}@media(prefers-color-scheme:dark){text{fill:#e6e9ef}}</style>',
    `<text x="20" y="26">${title}</text>`,
    ...rows,
    ...legend,
    '</svg>',
    '',
  ].join('\n');
}

function bar(name: string, score: Score, y: number): string {
  const all = PARTS.reduce((sum, [part]) => sum + score[part], 0);
  let x = LEFT;
  const parts = PARTS.map(([part, , colour]) => {
    const width = (SCALE * score[part]) / all;
    const shape = `<rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="28" fill="${colour}"/>`;
    const label =
      width < 26
        ? ''
        : `<text x="${(x + width / 2).toFixed(1)}" y="${y + 19}" text-anchor="middle" class="on">${score[part]}</text>`;
    x += width;
    return shape + label;
  });
  return `<text x="20" y="${y + 19}">${name}</text>${parts.join('')}`;
}
