import { readFileSync } from 'node:fs';
import { EXIT_CODES, messageOf, PodvisorError } from './errors.ts';
import { nearest } from './nearest.ts';
import type { Option, OptionDefinition, OptionSet, OptionValues } from './options.ts';
import { isRecord } from './record.ts';
import { VERSION } from './version.ts';

export * from './options.ts';

/** Where options come from. */
export interface OptionSources {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly readFile: (path: string) => string;
}

/** A text and where it was found, for errors. */
interface Found {
  readonly text: string;
  readonly origin: string;
}

const ENV_PREFIX = 'PODVISOR_';
const CONFIG_FLAG = 'config';
const words = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
const envName = (name: string): string => ENV_PREFIX + words(name).replaceAll('-', '_').toUpperCase();

function config(message: string): never {
  throw new PodvisorError('config', message);
}

/**
 * Flags over environment over `--config` file (a JSON object) over defaults. Throws PodvisorError('config') that names the
 * option, the value, where it came from and what is allowed.
 */
export function readOptions<S extends OptionSet>(definition: OptionDefinition<S>, sources: OptionSources): OptionValues<S> {
  const { options } = definition;
  const flags = readFlags(options, sources.argv);
  const file = readConfigFile(options, flags.get(CONFIG_FLAG) ?? fromEnv(CONFIG_FLAG, sources.env), sources);
  const entries = Object.entries(options).map(([name, option]) => {
    const found = flags.get(name) ?? fromEnv(name, sources.env) ?? file.get(name);
    return [name, valueOf(name, option, found)] as const;
  });
  return Object.fromEntries(entries) as OptionValues<S>;
}

function valueOf(name: string, option: Option<unknown>, found: Found | undefined): unknown {
  if (found === undefined) {
    if (option.fallback === undefined) config(`--${words(name)} is required (or ${envName(name)}): ${option.doc}`);
    return option.fallback;
  }
  const value = option.parse(found.text);
  if (value === undefined) config(`--${words(name)} is "${found.text}" (from ${found.origin}); allowed: ${option.allowed}`);
  return value;
}

function fromEnv(name: string, env: OptionSources['env']): Found | undefined {
  const text = env[envName(name)];
  return text === undefined ? undefined : { text, origin: `environment variable ${envName(name)}` };
}

function readFlags(options: OptionSet, argv: readonly string[]): Map<string, Found> {
  const byFlag = new Map(Object.keys(options).map((name) => [words(name), name]));
  byFlag.set(CONFIG_FLAG, CONFIG_FLAG);
  const found = new Map<string, Found>();
  const rest = [...argv];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const { flag, inline } = splitFlag(word);
    const name = byFlag.get(flag) ?? unknownName(`flag --${flag}`, flag, [...byFlag.keys()], '--');
    const text = inline ?? (options[name]?.isSwitch === true ? 'true' : rest.shift());
    if (text === undefined) config(`--${flag} needs a value: ${options[name]?.allowed ?? 'a path'}`);
    found.set(name, { text, origin: 'the command line' });
  }
  return found;
}

function splitFlag(word: string): { flag: string; inline?: string } {
  if (!word.startsWith('--') || word === '--')
    config(`"${word}" is not a flag; flags are written --name=value (--help lists them)`);
  const equals = word.indexOf('=');
  return equals < 0 ? { flag: word.slice(2) } : { flag: word.slice(2, equals), inline: word.slice(equals + 1) };
}

function unknownName(what: string, written: string, known: readonly string[], prefix: string): never {
  const near = nearest(written, known);
  config(`unknown ${what}${near === undefined ? '' : `; did you mean ${prefix}${near}?`} (--help lists all)`);
}

function readConfigFile(options: OptionSet, where: Found | undefined, sources: OptionSources): Map<string, Found> {
  if (where === undefined) return new Map();
  const path = where.text;
  const entries = Object.entries(parseObject(path, sources.readFile));
  return new Map(
    entries.map(([key, value]) => [checkKey(options, key, path), { text: textOf(key, value, path), origin: `file ${path}` }]),
  );
}

function parseObject(path: string, readFile: OptionSources['readFile']): object {
  try {
    const parsed: unknown = JSON.parse(readFile(path));
    if (isRecord(parsed)) return parsed;
  } catch (error) {
    throw new PodvisorError('config', `cannot read config file ${path}: ${messageOf(error)}`, { cause: error });
  }
  return config(`config file ${path} must be one JSON object, such as {"logLevel": "debug"}`);
}

function checkKey(options: OptionSet, key: string, path: string): string {
  return Object.hasOwn(options, key) ? key : unknownName(`key "${key}" in ${path}`, key, Object.keys(options), '');
}

function textOf(key: string, value: unknown, path: string): string {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return String(value);
  return config(`"${key}" in ${path} must be text, a number, true or false`);
}

/** What `--help` prints: every option with its meaning, allowed values, default and other names. */
export function helpText(definition: OptionDefinition<OptionSet>): string {
  const lines = Object.entries(definition.options).map(([name, option]) => {
    const fallback =
      option.fallbackText === undefined ? 'required' : `default: ${option.fallbackText === '' ? "''" : option.fallbackText}`;
    return `  --${words(name)}\n      ${option.doc}\n      ${option.allowed}; ${fallback}; env ${envName(name)}; file key ${name}`;
  });
  const common = `  --config\n      A JSON file with any of the keys below; env ${envName(CONFIG_FLAG)}\n  --help, --version`;
  return `${definition.program} ${VERSION}: ${definition.summary}\n\nFlags win over environment, environment over file.\n\n${[common, ...lines].join('\n')}\n`;
}

/** For `main.ts`: reads the real sources. `--help` and `--version` print and exit 0; a bad option prints one line and exits 64. */
export function loadOptions<S extends OptionSet>(definition: OptionDefinition<S>): OptionValues<S> {
  const argv = process.argv.slice(2);
  const exit = (stream: NodeJS.WriteStream, text: string, code: number): never => {
    stream.write(text);
    process.exit(code);
  };
  if (argv.includes('--help') || argv.includes('-h')) exit(process.stdout, helpText(definition), 0);
  if (argv.includes('--version')) exit(process.stdout, `${definition.program} ${VERSION}\n`, 0);
  try {
    return readOptions(definition, { argv, env: process.env, readFile: (path) => readFileSync(path, 'utf8') });
  } catch (error) {
    if (!(error instanceof PodvisorError)) throw error;
    return exit(process.stderr, `${definition.program}: ${error.message}\n`, EXIT_CODES[error.code]);
  }
}

/** `https://host:port` of the API server as the kubelet tells every container, undefined outside a pod. */
export function inClusterServer(env: OptionSources['env'] = process.env): string | undefined {
  const host = env['KUBERNETES_SERVICE_HOST'];
  const port = env['KUBERNETES_SERVICE_PORT'] ?? '443';
  if (host === undefined || host === '') return undefined;
  return `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
