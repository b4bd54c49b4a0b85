import { readFileSync } from 'node:fs';

// The exit codes are a contract with users (kubectl describe pod) and with the agent: script and documentation must agree.
const script = ['podvisor-launch', 'podvisor-prepare'].map((name) => readFileSync(`launcher/${name}`, 'utf8')).join('\n');
const readme = readFileSync('launcher/README.md', 'utf8');

function matches(text: string, pattern: RegExp): string[] {
  return [...new Set([...text.matchAll(pattern)].map((match) => `${match[1]!} ${match[2] ?? ''}`))].sort();
}

test('every exit code with a reason in the script is documented, and the other way round', () => {
  const used = matches(script, /\bfinish (\d+) ([A-Z]\w+)/g);
  const documented = matches(readme, /^\| (\d+) \| `(\w+)` \|/gm);
  expect(used.length).toBeGreaterThan(4);
  expect(documented).toEqual(used);
});

test('endings without a reason are documented too', () => {
  expect(matches(readme, /^\| (\d+) \|( )\|/gm)).toEqual(matches(script, /\bfinish (\d+) ''( )/g));
});

test('the tools the script needs are in the image', () => {
  const kept = readFileSync('launcher/keep.txt', 'utf8').split('\n');
  for (const tool of [
    'dd',
    'head',
    'mkfifo',
    'mv',
    'od',
    'rm',
    'sleep',
    'tr',
    'qemu-img',
    'qemu-system-x86_64',
    'swtpm',
    'genisoimage',
  ]) {
    expect(kept).toContain(`usr/bin/${tool}`);
  }
});
