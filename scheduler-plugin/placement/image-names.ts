/** The images of a node, remembered as hashes: names are kilobytes a node, and a cluster may have thousands of nodes. */
export interface ImageSet {
  /** `key`: {@link imageKey} of the image. */
  has(key: number): boolean;
}

/** Keeps a number for each name, so one name in four thousand million is taken for another: the kubelet then pulls the image, no more. */
export function imageSet(names: readonly string[]): ImageSet {
  // As a text, two characters for each: of so few, a typed array takes twice the memory.
  const hashes = names.map((name) => textOf(imageKey(name))).join('');
  return {
    has: (key) => {
      const text = textOf(key);
      let at = hashes.indexOf(text);
      while (at % 2 === 1) at = hashes.indexOf(text, at + 1);
      return at >= 0;
    },
  };
}

function textOf(key: number): string {
  return String.fromCharCode(key & 0xffff, key >>> 16);
}

/** The number an image is remembered by. */
export function imageKey(image: string): number {
  return hash(fullName(image));
}

/** With registry and tag, as kubelets list images. */
function fullName(image: string): string {
  const [host = '', ...rest] = image.split('/');
  const isHost = rest.length > 0 && (/[.:]/.test(host) || host === 'localhost');
  const library = rest.length === 0 ? 'library/' : '';
  const name = isHost ? image : `docker.io/${library}${image}`;
  const last = name.slice(name.lastIndexOf('/') + 1);
  return /[:@]/.test(last) ? name : `${name}:latest`;
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return value >>> 0;
}
