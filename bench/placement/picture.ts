import { COLOURS, label, rect, svg } from '../../dev/pictures/svg.ts';
import type { Score } from './judge.ts';

/** One bar. */
export interface Bar {
  readonly name: string;
  readonly score: Score;
}

const PARTS = [
  ['right', 'runs where it is', COLOURS.good],
  ['wrong', 'bound where it cannot run', COLOURS.bad],
  ['missed', 'waits, though a node has room', COLOURS.attention],
  ['waiting', 'waits, no node has room', COLOURS.neutral],
] as const;
const WIDTH = 760;
const LEFT = 150;
const SCALE = WIDTH - LEFT - 20;

/** The bars as an SVG. */
export function picture(title: string, bars: readonly Bar[]): string {
  const height = 92 + bars.length * 46;
  const rows = bars.flatMap(({ name, score }, index) => bar(name, score, 48 + index * 46));
  const legend = PARTS.flatMap(([, text, colour], index) => {
    const x = 20 + index * 185;
    const square = rect({ x, y: height - 28, width: 12, height: 12 }, `rx="2" fill="${colour}"`);
    return [square, label(text, { x: x + 18, y: height - 18, look: 'small' })];
  });
  const description = bars.map(
    ({ name, score }) => `${name}: ${PARTS.map(([part, text]) => `${score[part]} ${text}`).join('; ')}`,
  );
  return svg({ title, description: description.join('. '), width: WIDTH, height }, [...rows, ...legend]);
}

function bar(name: string, score: Score, y: number): readonly string[] {
  const all = PARTS.reduce((sum, [part]) => sum + score[part], 0);
  const shapes = [label(name, { x: 20, y: y + 19 })];
  let x = LEFT;
  for (const [part, , colour] of PARTS) {
    const width = (SCALE * score[part]) / all;
    shapes.push(rect({ x, y, width, height: 28 }, `fill="${colour}"`));
    if (width >= 26) shapes.push(label(String(score[part]), { x: x + width / 2, y: y + 19, look: 'on', centred: true }));
    x += width;
  }
  return shapes;
}
