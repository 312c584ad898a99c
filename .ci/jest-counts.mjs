// Prints "PASSED FAILED" of a Jest result file. A suite that did not run, and a skipped test, count as failed.
import { readFileSync } from 'node:fs';

const result = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const failed = result.numFailedTests + result.numRuntimeErrorTestSuites + result.numPendingTests + result.numTodoTests;
if (result.numTotalTests === 0) throw new Error('no test ran');
console.log(result.numPassedTests, failed);
