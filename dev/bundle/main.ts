// Bundles each process of ours into one file for the images: dist/<role>.js, run as `node dist/<role>.js`.
// dev/bundle/main.ts [ROLE…]   (default: all)
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, type BuildOptions, type Plugin } from 'esbuild';
import { asciiOnly } from './ascii-only.ts';

const root = join(import.meta.dirname, '..', '..');

/** Entry by role; the image starts `/app/<role>.js`. */
const ENTRIES = {
  webhook: 'webhooks/main.ts',
  extender: 'scheduler-plugin/main.ts',
  controllers: 'controllers/main.ts',
  agent: 'agent/main.ts',
  podvisor: 'cli/main.ts',
} as const;
type Role = keyof typeof ENTRIES;

// Dependencies in CommonJS call require() of Node's own modules, which an ES module does not have.
const REQUIRE = `import { createRequire as podvisorCreateRequire } from 'node:module'; const require = podvisorCreateRequire(import.meta.url);`;

// In a pod the service account is the way in. client-node is only for kubeconfig files, 20 MB of code that nobody there would run.
const NO_KUBECONFIG = 'this build runs inside a cluster and reads no kubeconfig; run it from sources for that';
const withoutClientNode: Plugin = {
  name: 'without-client-node',
  setup(hooks) {
    hooks.onResolve({ filter: /^@kubernetes\/client-node$/ }, ({ path }) => ({ path, namespace: 'left-out' }));
    hooks.onLoad({ filter: /./, namespace: 'left-out' }, () => ({
      contents: `export class KubeConfig { loadFromFile() { throw new Error(${JSON.stringify(NO_KUBECONFIG)}); } }`,
    }));
  },
};

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };

function optionsOf(role: Role): BuildOptions {
  return {
    entryPoints: { [role]: join(root, ENTRIES[role]) },
    outdir: join(root, 'dist'),
    absWorkingDir: root,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    // Stack traces of users must be readable without a source map.
    minify: false,
    keepNames: true,
    sourcemap: 'linked',
    sourcesContent: false,
    banner: { js: REQUIRE },
    define: { PODVISOR_VERSION: JSON.stringify(version) },
    // People run the command line with their kubeconfig, from a package that brings client-node: not 20 MB more in this one.
    ...(role === 'podvisor' ? { external: ['@kubernetes/client-node'] } : { plugins: [withoutClientNode] }),
    logLevel: 'warning',
  };
}

function rolesOf(words: readonly string[]): readonly Role[] {
  const all = Object.keys(ENTRIES) as Role[];
  const unknown = words.find((word) => !all.includes(word as Role));
  if (unknown !== undefined) throw new Error(`no role "${unknown}"; there are: ${all.join(', ')}`);
  return words.length === 0 ? all : (words as readonly Role[]);
}

const roles = rolesOf(process.argv.slice(2));
const missing = roles.filter((role) => !existsSync(join(root, ENTRIES[role])));
for (const role of missing) console.log(`skipped ${role}: there is no ${ENTRIES[role]}`);
await Promise.all(roles.filter((role) => !missing.includes(role)).map(bundle));

async function bundle(role: Role): Promise<void> {
  await build(optionsOf(role));
  const file = join(root, 'dist', `${role}.js`);
  writeFileSync(file, asciiOnly(readFileSync(file, 'utf8')));
}
