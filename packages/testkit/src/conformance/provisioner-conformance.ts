import { withDeadline } from '@gateway-provisioners/core';
import { ConformanceBench } from './conformance-bench.ts';
import type { ConformanceCase, ConformanceOptions } from './conformance-options.ts';
import { failureCases } from './failure-cases.ts';
import { imageCases } from './image-cases.ts';
import { launchCases } from './launch-cases.ts';
import type { CaseBody } from './launch-cases.ts';
import { lifeCases } from './life-cases.ts';
import { recoveryCases } from './recovery-cases.ts';
import { userCases } from './user-cases.ts';

/**
 * What every provisioner must do, as cases that need no test framework:
 *
 * ```ts
 * for (const { name, run } of provisionerConformance({ definition, kernelSpec, env })) test(name, run);
 * ```
 * Each case has its own runtime folder and instance id, ends whatever it started, and fails when something is left.
 * Run cases one after the other.
 */
export function provisionerConformance(options: ConformanceOptions): readonly ConformanceCase[] {
  const cases = { ...launchCases, ...userCases, ...imageCases, ...lifeCases, ...recoveryCases, ...failureCases };
  return Object.entries(cases).map(([name, body]) => ({ name, run: () => runCase(options, { name, body }) }));
}

async function runCase(
  options: ConformanceOptions,
  { name, body }: { readonly name: string; readonly body: CaseBody },
): Promise<void> {
  const timeoutMs = options.caseTimeoutMs ?? 120_000;
  const stop = new AbortController();
  const bench = await ConformanceBench.open(options, stop.signal);
  const failures: unknown[] = [];
  try {
    await withDeadline({ timeoutMs, what: `case "${name}"` }, async () => {
      await body(bench);
    });
  } catch (error) {
    failures.push(error);
  }
  stop.abort();
  try {
    await bench[Symbol.asyncDispose]();
  } catch (error) {
    failures.push(error);
  }
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, failures.map(String).join('\n'));
}
