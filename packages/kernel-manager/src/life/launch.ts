import {
  KernelFailureError,
  ProvisionerError,
  delay,
  errorMessage,
  isProvisionerError,
  raceSignal,
  describeExit,
} from '@gateway-provisioners/core';
import type {
  Clock,
  KernelExit,
  KernelProvisioner,
  KernelSpec,
  LaunchContext,
  LaunchedKernel,
  Logger,
  ReportProgress,
} from '@gateway-provisioners/core';
import { encryptionFor } from '../settings.ts';
import type { ManagerSettings } from '../settings.ts';
import type { KernelRecord } from '../store/kernel-record.ts';

/** After an abort a provisioner has this long to take back what it created. */
const CLEANUP_MS = 60_000;
const LOG_MS = 2_000;

export interface LaunchRequest {
  readonly provisioner: KernelProvisioner;
  readonly context: LaunchContext;
  /** Aborts at the deadline, or because nobody wants the kernel any more. */
  readonly signal: AbortSignal;
  readonly progress: ReportProgress;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface LaunchContextOptions {
  readonly record: KernelRecord;
  readonly kernelSpec: KernelSpec;
  readonly settings: ManagerSettings;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
  readonly checkpoint: LaunchContext['checkpoint'];
}

/** Errors: `ENCRYPTION_UNAVAILABLE`. */
export function launchContext(options: LaunchContextOptions): LaunchContext {
  const { record, kernelSpec, settings, deadline, checkpoint } = options;
  return {
    instanceId: record.instanceId,
    kernelId: record.kernelId,
    incarnation: record.incarnation,
    owner: record.owner,
    kernelSpec,
    env: record.launch.env,
    ...(record.launch.cwd === undefined ? {} : { cwd: record.launch.cwd }),
    deadline,
    transportEncryption: encryptionFor(kernelSpec, settings.transportEncryption),
    rendezvous: settings.rendezvous,
    checkpoint,
  };
}

/**
 * Launches, and returns at the abort even when the provisioner ignores it. What it then still creates is removed; if
 * the provisioner does not come back at all, this rejects with an error that names {@link LaunchLeftover} as its cause.
 */
export async function launch(request: LaunchRequest): Promise<LaunchedKernel> {
  const { provisioner, context, signal, progress } = request;
  const launching = provisioner.launch(context, { signal, progress });
  try {
    return await raceSignal(launching, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
    if (!(await takeBack(launching, request))) throw new LaunchLeftover(error);
    throw await moreSpecific(launching, error);
  }
}

/** The launch failed, and it is not known what it has left behind: its record must stay. */
export class LaunchLeftover extends Error {
  constructor(reason: unknown) {
    super(errorMessage(reason), { cause: reason });
  }
}

/** A provisioner that ran into the deadline itself knows more than that it passed: the tail of the kernel's log. */
async function moreSpecific(launching: Promise<LaunchedKernel>, reason: unknown): Promise<unknown> {
  return await launching.then(
    () => reason,
    (error: unknown) => (isProvisionerError(error, 'LAUNCH_TIMEOUT') ? error : reason),
  );
}

/** True when nothing is left of an aborted launch. */
async function takeBack(launching: Promise<LaunchedKernel>, request: LaunchRequest): Promise<boolean> {
  const stop = new AbortController();
  const removal = launching.then(
    async (launched) => {
      await launched.kill();
      await launched[Symbol.asyncDispose]();
      return true;
    },
    () => true, // it has cleaned up before it rejected: that is its contract
  );
  removal.catch(() => undefined);
  try {
    const late = delay(CLEANUP_MS, { clock: request.clock, signal: stop.signal }).then(() => false);
    return await Promise.race([removal, late]);
  } catch (error) {
    request.logger.error('a kernel whose launch was aborted could not be removed', { error: errorMessage(error) });
    return false;
  } finally {
    stop.abort();
  }
}

/** Why a kernel could not be started, in the most specific error that there is. */
export async function launchError(
  error: unknown,
  facts: { readonly signal: AbortSignal; readonly launched?: LaunchedKernel | undefined; readonly kernelId: string },
): Promise<ProvisionerError> {
  const cause = error instanceof LaunchLeftover ? error.cause : error;
  const coordinates = { kernelId: facts.kernelId };
  if (isProvisionerError(cause, 'DEADLINE_EXCEEDED') && cause === facts.signal.reason) {
    const logTail = await logTailOf(facts.launched);
    return new KernelFailureError('LAUNCH_TIMEOUT', cause.message, { cause, logTail, coordinates });
  }
  if (isProvisionerError(cause)) return cause;
  return new KernelFailureError('LAUNCH_FAILED', `the kernel could not be started: ${errorMessage(cause)}`, {
    cause,
    coordinates,
    logTail: await logTailOf(facts.launched),
  });
}

/** The work was given up because nobody wants its outcome any more. */
export function cancelled(why: string): ProvisionerError {
  return new ProvisionerError('CANCELLED', why);
}

/** Settles like `work`, unless the kernel ends first. */
export async function unlessItEnds<T>(work: Promise<T>, launched: LaunchedKernel, kernelId: string): Promise<T> {
  work.catch(() => undefined);
  const ended = launched.exited.then((exit): never => {
    throw endedBeforeAnswer(exit, kernelId);
  });
  return await Promise.race([work, ended]);
}

function endedBeforeAnswer(exit: KernelExit, kernelId: string): KernelFailureError {
  return new KernelFailureError('LAUNCH_FAILED', `the kernel ended before it answered: ${describeExit(exit)}`, {
    exit,
    coordinates: { kernelId },
  });
}

async function logTailOf(launched: LaunchedKernel | undefined): Promise<string> {
  if (launched === undefined) return '';
  const stop = new AbortController();
  try {
    const silence = delay(LOG_MS, { signal: stop.signal }).then(() => '');
    return await Promise.race([launched.logs({ signal: stop.signal }), silence]);
  } catch {
    return '';
  } finally {
    stop.abort();
  }
}
