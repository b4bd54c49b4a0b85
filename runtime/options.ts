/** One option: how to read its text, and what it is without any. */
export interface Option<T> {
  /** Undefined = must be given. */
  readonly fallback: T | undefined;
  /** The default as a user would write it. */
  readonly fallbackText: string | undefined;
  readonly doc: string;
  /** What is allowed, for `--help` and errors: `an integer from 1 to 65535`. */
  readonly allowed: string;
  /** The flag alone means true. */
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
  /** One line for `--help`. */
  readonly summary: string;
  readonly options: S;
}

/** Gives the definition its type. */
export function defineOptions<const S extends OptionSet>(definition: OptionDefinition<S>): OptionDefinition<S> {
  return definition;
}

/** What every option has. `default` absent = the option is required. */
export interface OptionSpec<T> {
  readonly doc: string;
  readonly default?: T;
}

function option<T>(spec: OptionSpec<T>, allowed: string, parse: Option<T>['parse']): Option<T> {
  const fallbackText = spec.default === undefined ? undefined : String(spec.default);
  return { fallback: spec.default, fallbackText, doc: spec.doc, allowed, isSwitch: false, parse };
}

/** Free text. */
export function textOption(spec: OptionSpec<string>): Option<string> {
  return option(spec, 'text', (text) => text);
}

/** A whole number within bounds (both included). */
export function integerOption(spec: OptionSpec<number> & { readonly min: number; readonly max: number }): Option<number> {
  return option<number>(spec, `an integer from ${spec.min} to ${spec.max}`, (text) => {
    const value = /^-?\d{1,15}$/.test(text) ? Number(text) : NaN;
    return value >= spec.min && value <= spec.max ? value : undefined;
  });
}

/** true or false; the flag alone means true. */
export function booleanOption(spec: OptionSpec<boolean>): Option<boolean> {
  const values: Readonly<Record<string, boolean>> = { true: true, false: false };
  return {
    ...option<boolean>(spec, 'true or false', (text) => (Object.hasOwn(values, text) ? values[text] : undefined)),
    isSwitch: true,
  };
}

/** One of some words. */
export function choiceOption<const C extends string>(choices: readonly C[], spec: OptionSpec<NoInfer<C>>): Option<C> {
  return option<C>(spec, `one of ${choices.join(', ')}`, (text) => choices.find((choice) => choice === text));
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

function durationMs(text: string): number | undefined {
  const [, amount, unit] = /^(\d{1,9})(ms|s|m|h)$/.exec(text) ?? [];
  return amount === undefined || unit === undefined ? undefined : Number(amount) * (UNIT_MS[unit] ?? NaN);
}

/** A time span such as `500ms`, `10s`, `5m`, `2h`; the value is in milliseconds. The default is written the same way. */
export function durationOption(spec: OptionSpec<string>): Option<number> {
  const base = option(spec, 'a time span such as 500ms, 10s, 5m or 2h', (text) => text);
  const fallback = spec.default === undefined ? undefined : durationMs(spec.default);
  if (spec.default !== undefined && fallback === undefined) throw new Error(`bug: "${spec.default}" is not a time span`);
  return { ...base, fallback, parse: durationMs };
}
