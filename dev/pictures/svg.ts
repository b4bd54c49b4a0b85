/** Colours that are told apart on light and on dark ground. */
export const COLOURS = { good: '#2a9d5c', bad: '#d1383d', attention: '#e8a33d', neutral: '#8a94a6' } as const;

/** What a picture is, besides its shapes. Lengths in pixels. */
export interface Frame {
  readonly title: string;
  /** What is seen, for who does not see it. */
  readonly description: string;
  readonly width: number;
  readonly height: number;
}

const STYLE =
  'text{font-family:system-ui,sans-serif;font-size:14px;fill:#1f2430}.small{font-size:12px}.bold{font-weight:600}.on{fill:#fff;font-size:12px}' +
  '@media(prefers-color-scheme:dark){text{fill:#e6e9ef}.on{fill:#fff}}';

/** An SVG of these shapes, with its title above them. */
export function svg({ title, description, width, height }: Frame, shapes: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title description">`,
    `<title id="title">${escaped(title)}</title>`,
    `<desc id="description">${escaped(description)}</desc>`,
    `<style>${STYLE}</style>`,
    label(title, { x: 20, y: 26 }),
    ...shapes,
    '</svg>',
    '',
  ].join('\n');
}

/** Where a text stands, and how: `on` is for text on a colour. */
export interface Spot {
  readonly x: number;
  /** Of its base line. */
  readonly y: number;
  readonly look?: 'small' | 'bold' | 'on';
  readonly centred?: boolean;
}

/** A line of text. */
export function label(text: string, { x, y, look, centred = false }: Spot): string {
  const anchor = centred ? ' text-anchor="middle"' : '';
  const style = look === undefined ? '' : ` class="${look}"`;
  return `<text x="${rounded(x)}" y="${rounded(y)}"${anchor}${style}>${escaped(text)}</text>`;
}

/** A place in the picture. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A rectangle; `look` is its attributes, as `fill="#fff"`. */
export function rect({ x, y, width, height }: Box, look: string): string {
  return `<rect x="${rounded(x)}" y="${rounded(y)}" width="${rounded(width)}" height="${rounded(height)}" ${look}/>`;
}

/** Text in lines of at most `most` characters, cut at blanks; a longer word has a line of its own. */
export function wrapped(text: string, most: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(' ').filter((one) => one !== '')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > most) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}
