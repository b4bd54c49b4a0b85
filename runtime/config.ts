/** Where options come from. */
export interface OptionSources {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly readFile: (path: string) => string;
}

/** One option: how to read its text, what it is without any. */
export interface Option<T> {
  /** Undefined = must be given. */
  readonly fallback: T | undefined;
  readonly doc: string;
  /** What is allowed, for `--help` and errors: `an integer from 1 to 65535`. */
  readonly allowed: string;
  /** Flag alone means true. */
  readonly isSwitch: boolean;
  /** The value, or undefined when the text is not allowed. */
  readonly parse: (text: string) => T | undefined;
}

/** Options by camelCase name: `logLevel` is `--log-level`, `PODVISOR_LOG_LEVEL` and `logLevel` in the file. */
export type OptionSet = Readonly<Record<string, Option<unknown>>>;
/** The values of an option set. */
export type OptionValues<S extends OptionSet> = { readonly [K in keyof S]: S[K] extends Option<infer T> ? T : never };

/** A program's options. */
export interface OptionDefinition<S extends OptionSet> {
  readonly program: string;
  readonly summary: string;
  readonly options: S;
}

/** `default` absent = the option is required. */
interface Common<T> {
  readonly doc: string;
  readonly default?: T;
}

/** Free text. */
export function textOption(spec: Common<string>): Option<string> {
  return { fallback: spec.default, doc: spec.doc, allowed: 'text', isSwitch: false, parse: (text) => text };
}

/** A whole number within bounds. */
export function integerOption(spec: Common<number> & { min: number; max: number }): Option<number> {
  throw new Error(`being written: ${spec.doc}`);
}

/** true or false. */
export function booleanOption(spec: Common<boolean>): Option<boolean> {
  throw new Error(`being written: ${spec.doc}`);
}

/** One of some words. */
export function choiceOption<const C extends string>(choices: readonly C[], spec: Common<C>): Option<C> {
  throw new Error(`being written: ${choices.join()} ${spec.doc}`);
}

/** A time span such as `500ms`, `10s`, `5m`, `2h`; the value is milliseconds. The default is written the same way. */
export function durationOption(spec: Common<string>): Option<number> {
  throw new Error(`being written: ${spec.doc}`);
}

/** Gives the definition its type. */
export function defineOptions<const S extends OptionSet>(definition: OptionDefinition<S>): OptionDefinition<S> {
  return definition;
}

/** Flags over environment over `--config` file (JSON) over defaults. Throws PodvisorError('config') that names what is wrong. */
export function readOptions<S extends OptionSet>(definition: OptionDefinition<S>, sources: OptionSources): OptionValues<S> {
  throw new Error(`being written: ${definition.program} ${sources.argv.join()}`);
}

/** For `main.ts`: reads the real sources; `--help` and `--version` print and exit 0, a bad option exits 64 with one line. */
export function loadOptions<S extends OptionSet>(definition: OptionDefinition<S>): OptionValues<S> {
  return readOptions(definition, { argv: [], env: {}, readFile: () => '' });
}
