import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeBench, unpackImages, type Bench, type Container, type Roots } from './rig.ts';

/** A bench for one test file: made before its tests, emptied after each, removed after all. */
export interface FileBench extends Pick<Bench, 'start'> {
  readonly roots: () => Roots;
  /** A directory that others may read, which goes away with the test file. */
  makeDirectory(): string;
}

export function useBench(): FileBench {
  let used: { roots: Roots; bench: Bench } | undefined;
  const now = (): { roots: Roots; bench: Bench } => {
    if (used === undefined) throw new Error('the bench is there in tests only');
    return used;
  };
  beforeAll(() => {
    const roots = unpackImages();
    used = { roots, bench: makeBench(roots) };
  }, 600_000);
  afterEach(() => used?.bench.stop());
  afterAll(() => used?.bench.clean());
  return {
    roots: () => now().roots,
    start: (options) => now().bench.start(options),
    makeDirectory: () => {
      const directory = now().bench.keep(mkdtempSync(join(tmpdir(), 'podvisor-bench-')));
      chmodSync(directory, 0o755);
      return directory;
    },
  };
}

/** What a command prints in the guest, between marks that its echo does not hold. */
export async function runInGuest(container: Container, command: string): Promise<string> {
  container.output.stdout = '';
  container.process.stdin!.write(`echo "<<""BEGIN"; ${command}; echo "END"">>"\n`);
  await container.sees('stdout', 'END>>');
  return /<<BEGIN\s*([\s\S]*?)\s*END>>/.exec(container.output.stdout.replaceAll('\r', ''))?.[1] ?? '';
}
