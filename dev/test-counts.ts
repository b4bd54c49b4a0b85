// Prints "PASSED FAILED SKIPPED" of a jest --json result; names what failed, and how, and the slowest files on stderr. Exits 1
// when there is no result.
import { readFileSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';

/** Of each failure's message: enough for what was expected and what came, not for the stack. */
const MESSAGE_LINES = 12;
const SLOW_SECONDS = 30;

interface JestResult {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  /** Test files that did not even load: no test of theirs is counted anywhere else. */
  readonly numRuntimeErrorTestSuites: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    /** Milliseconds since the epoch. */
    readonly startTime: number;
    readonly endTime: number;
    /** Why the file could not be loaded. */
    readonly message: string;
    readonly assertionResults: readonly Assertion[];
  }[];
}

interface Assertion {
  readonly fullName: string;
  readonly status: string;
  readonly failureMessages: readonly string[];
}

function beginning(message: string): string {
  const lines = stripVTControlCharacters(message)
    .split('\n')
    .filter((line) => line.trim() !== '');
  return lines
    .slice(0, MESSAGE_LINES)
    .map((line) => `\n          ${line}`)
    .join('');
}

/** Files that take most of the time, for who wants to make the whole faster. */
function slowest({ testResults }: JestResult): string {
  const files = testResults
    .map(({ name, startTime, endTime }) => ({ name, seconds: Math.round((endTime - startTime) / 1000) }))
    .filter(({ seconds }) => seconds >= SLOW_SECONDS)
    .sort((a, b) => b.seconds - a.seconds);
  return files.map(({ name, seconds }) => `${name.replace(/^.*\/test\/|\.test\.ts$/g, '')} ${seconds} s`).join(', ');
}

function read(path: string): JestResult | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as JestResult;
  } catch {
    return undefined;
  }
}

const result = read(process.argv[2] ?? '');
if (result === undefined) process.exit(1);
for (const file of result.testResults.filter((each) => each.status === 'failed')) {
  const failed = file.assertionResults.filter((each) => each.status === 'failed');
  if (failed.length === 0) console.error(`      ${file.name}: could not be loaded${beginning(file.message)}`);
  for (const each of failed) console.error(`      ${file.name}: ${each.fullName}${beginning(each.failureMessages.join('\n'))}`);
}
const slow = slowest(result);
if (slow !== '') console.error(`      slowest: ${slow}`);
console.log(result.numPassedTests, result.numFailedTests + result.numRuntimeErrorTestSuites, result.numPendingTests);
