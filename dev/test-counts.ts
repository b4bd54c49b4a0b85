// Prints "PASSED FAILED SKIPPED" of a jest --json result; names what failed, and how, on stderr. Exits 1 when there is no
// result.
import { readFileSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';

/** Of each failure's message: enough for what was expected and what came, not for the stack. */
const MESSAGE_LINES = 12;

interface JestResult {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  /** Test files that did not even load: no test of theirs is counted anywhere else. */
  readonly numRuntimeErrorTestSuites: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
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
console.log(result.numPassedTests, result.numFailedTests + result.numRuntimeErrorTestSuites, result.numPendingTests);
