// Prints "PASSED FAILED SKIPPED" of a jest --json result; names what failed on stderr. Exits 1 when there is no result.
import { readFileSync } from 'node:fs';

interface JestResult {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  /** Test files that did not even load: no test of theirs is counted anywhere else. */
  readonly numRuntimeErrorTestSuites: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
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
  const names = file.assertionResults.filter((each) => each.status === 'failed').map((each) => each.fullName);
  for (const name of names.length > 0 ? names : ['could not be loaded']) console.error(`      ${file.name}: ${name}`);
}
console.log(result.numPassedTests, result.numFailedTests + result.numRuntimeErrorTestSuites, result.numPendingTests);
