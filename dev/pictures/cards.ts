import { type Box, COLOURS, label, rect, svg, wrapped } from './svg.ts';

/** What a part of a bar is: free, taken by the guest the picture is about, by others, or what it lacks. */
export type Kind = 'free' | 'guest' | 'other' | 'needed';

/** A part of a bar; its text is written where it fits. */
export interface Part {
  readonly kind: Exclude<Kind, 'needed'>;
  readonly amount: number;
  readonly text: string;
}

/** A bar, with words before and behind it. Amounts are in a unit of its own. */
export interface Meter {
  readonly label: string;
  /** What the whole width stands for; what is beyond is cut off. */
  readonly whole: number;
  readonly parts: readonly Part[];
  /** What would have to be free, from the left. */
  readonly needed?: number;
  readonly note: string;
}

/** A node, or a moment: whether the guest fits, why not, and the bars that show it. */
export interface Card {
  readonly title: string;
  readonly fits: boolean;
  readonly text: string;
  readonly meters: readonly Meter[];
}

/** A picture of cards one below the other, and what its colours mean. */
export interface Picture {
  readonly title: string;
  readonly cards: readonly Card[];
  readonly key: readonly (readonly [Kind, string])[];
}

const WIDTH = 720;
const BAR = { x: 170, width: 390, height: 20 };
const LINE = 18;
/** Characters of 12 px in a line of a card. */
const LINE_CHARACTERS = 100;
/** So wide is a character of a bar's text at most; pixels. */
const CHARACTER = 6.5;
const LOOKS: Readonly<Record<Kind, string>> = {
  free: `fill="${COLOURS.neutral}" fill-opacity="0.2" stroke="${COLOURS.neutral}"`,
  guest: `fill="${COLOURS.good}" stroke="#1d6f41"`,
  other: `fill="#667085" stroke="${COLOURS.neutral}"`,
  needed: `fill="none" stroke="${COLOURS.attention}" stroke-width="2" stroke-dasharray="5 3"`,
};

/** What is seen in a picture, in words. */
export function description({ title, cards }: Picture): string {
  return [title, ...cards.map((card) => (card.text === '' ? card.title : `${card.title}: ${card.text}`))].join('. ');
}

/** The picture as an SVG. */
export function draw(picture: Picture): string {
  const shapes: string[] = [];
  let y = 44;
  for (const card of picture.cards) {
    const height = heightOf(card);
    shapes.push(rect({ x: 20, y, width: 4, height }, `fill="${card.fits ? COLOURS.good : COLOURS.bad}"`), ...cardAt(card, y));
    y += height + 16;
  }
  shapes.push(...keyAt(picture.key, y));
  return svg({ title: picture.title, description: description(picture), width: WIDTH, height: y + 28 }, shapes);
}

function heightOf({ text, meters }: Card): number {
  return 20 + wrapped(text, LINE_CHARACTERS).length * LINE + meters.length * (BAR.height + 8);
}

function cardAt({ title, text, meters }: Card, top: number): readonly string[] {
  const lines = wrapped(text, LINE_CHARACTERS);
  const bars = top + 20 + lines.length * LINE;
  return [
    label(title, { x: 34, y: top + 13, look: 'bold' }),
    ...lines.map((line, index) => label(line, { x: 34, y: top + 30 + index * LINE, look: 'small' })),
    ...meters.flatMap((meter, index) => meterAt(meter, bars + 4 + index * (BAR.height + 8))),
  ];
}

function meterAt({ label: name, whole, parts, needed, note }: Meter, y: number): readonly string[] {
  const at = (amount: number): number => BAR.x + (BAR.width * Math.min(amount, whole)) / whole;
  const shapes: string[] = [];
  let before = 0;
  for (const part of parts) {
    const x = at(before);
    before += part.amount;
    shapes.push(...partIn(part, { x, y, width: at(before) - x, height: BAR.height }));
  }
  const frame = { x: BAR.x, y: y - 2, width: at(needed ?? 0) - BAR.x, height: BAR.height + 4 };
  return [
    label(name, { x: 34, y: y + 14, look: 'small' }),
    ...shapes,
    ...(needed === undefined ? [] : [rect(frame, LOOKS.needed)]),
    label(note, { x: BAR.x + BAR.width + 12, y: y + 14, look: 'small' }),
  ];
}

function partIn({ kind, text }: Part, box: Box): readonly string[] {
  if (box.width <= 0) return [];
  const fits = text !== '' && text.length * CHARACTER <= box.width;
  const spot = { x: box.x + box.width / 2, y: box.y + 14, look: kind === 'free' ? 'small' : 'on', centred: true } as const;
  return [rect(box, LOOKS[kind]), ...(fits ? [label(text, spot)] : [])];
}

function keyAt(key: Picture['key'], y: number): readonly string[] {
  return key.flatMap(([kind, text], index) => {
    const x = 34 + index * 170;
    return [rect({ x, y, width: 14, height: 12 }, LOOKS[kind]), label(text, { x: x + 22, y: y + 10, look: 'small' })];
  });
}
