import type { Clock } from '../clock.ts';
import { openDeadline, raceSignal } from '../deadline.ts';
import { describeExit } from '../describe-exit.ts';
import { KernelFailureError, ProvisionerError, errorMessage, isProvisionerError } from '../errors.ts';
import { interruptSignalOf } from '../interrupt-signal.ts';
import type { JsonObject } from '../kernel-spec.ts';
import type { LaunchProgress, ReportProgress } from '../launch-progress.ts';
import type { Logger } from '../logger.ts';
import type { LaunchContext, LaunchOptions, LaunchedKernel } from '../provisioner.ts';
import type { ExpectOptions, LauncherAnswer, LauncherParameters } from '../rendezvous.ts';
import { ResourceStack } from '../resource-stack.ts';
import { RemoteKernel } from './remote-kernel.ts';
import type { LauncherFacts, RemoteResource, WayToKernel } from './remote-resource.ts';
import { formatRemoteState } from './remote-state.ts';
import type { RemoteState } from './remote-state.ts';
import { directWay, openWay } from './way-to-kernel.ts';

/** After a failed launch a backend has this long to take back what it created. */
const REMOVAL_MS = 60_000;
const LOG_MS = 5_000;

export interface CreateOptions {
  /** Aborts at the launch's deadline, or because nobody wants the kernel any more. */
  readonly signal: AbortSignal;
  /** Stores what finds the resource again. Call it as soon as something exists. */
  readonly checkpoint: (resource: JsonObject) => Promise<void>;
  readonly progress: ReportProgress;
}

export interface LaunchRemoteKernelOptions<R extends RemoteResource> {
  readonly context: LaunchContext;
  readonly launch: LaunchOptions;
  readonly clock: Clock;
  readonly logger: Logger;
  /** What is particular about the answer that is expected. */
  readonly expect?: Omit<ExpectOptions, 'deadline'>;
  /** Creates the resource that runs the launcher. Removes what it has created before it rejects. */
  readonly create: (parameters: LauncherParameters, options: CreateOptions) => Promise<R>;
  /** Default: directly, at the address that the launcher gave. */
  readonly connect?: (
    facts: LauncherFacts,
    resource: R,
    options: { readonly signal: AbortSignal },
  ) => Promise<WayToKernel>;
  /** Runs once, when the kernel was removed or let go of. */
  readonly onReleased?: () => void;
}

/**
 * The launch of every backend whose kernels call home: expects the launcher, creates the resource, and waits for the
 * first of the answer, the resource's end, the deadline, the abort. Whatever fails, the resource is removed before this
 * rejects. Errors: `LAUNCH_TIMEOUT` and `LAUNCH_FAILED` with the tail of the resource's log, `ENCRYPTION_UNAVAILABLE`,
 * `CANCELLED`, and those of `create` and `connect`.
 */
export async function launchRemoteKernel<R extends RemoteResource>(
  options: LaunchRemoteKernelOptions<R>,
): Promise<LaunchedKernel> {
  const { context, launch, clock } = options;
  const phases = new PhaseRecorder(launch.progress);
  const interruptSignal = interruptSignalOf(context.kernelSpec);
  const { instanceId, kernelId, incarnation } = context;
  const stateOf = (resource: JsonObject): RemoteState => {
    return { instanceId, kernelId, incarnation, interruptSignal, resource };
  };

  using scope = openDeadline({
    what: 'the launch',
    timeoutMs: Math.max(0, context.deadline - clock.now()),
    signal: launch.signal,
    clock,
  });
  const { signal } = scope;
  await using stack = new ResourceStack();
  const expected = stack.use(
    await context.rendezvous.expect(kernelId, { ...options.expect, deadline: context.deadline }),
  );
  expected.answer.catch(() => undefined); // heard below, unless the resource fails first

  let resource: R;
  try {
    resource = await options.create(expected.parameters, {
      signal,
      progress: phases.report,
      checkpoint: async (state) => {
        await context.checkpoint(formatRemoteState(stateOf(state)));
      },
    });
  } catch (error) {
    throw phases.explain(error, context, { logTail: '', signal });
  }
  try {
    phases.report({ phase: 'connecting', message: 'waiting for the launcher to call home' });
    const answer = await raceSignal(unlessItEnds(expected.answer, resource, context), signal);
    assertEncrypted(answer, context);
    const facts = factsOf(answer);
    const connecting = options.connect?.(facts, resource, { signal });
    const way = connecting === undefined ? directWay(facts) : await raceSignal(connecting, signal);
    const opened = await openWay(way, { comm: answer.comm?.state, rendezvous: context.rendezvous });
    const state: RemoteState = { ...stateOf(resource.state), ...facts, ...opened.commState };
    await context.checkpoint(formatRemoteState(state));
    const { connection, comm } = opened;
    return new RemoteKernel({ ...options, state, resource, connection, comm });
  } catch (error) {
    const logTail = await logTailOf(resource, clock);
    const failure = phases.explain(error, context, { logTail, signal });
    throw await withRemoval(failure, resource, options);
  }
}

function factsOf({ connection, peerAddress }: LauncherAnswer): LauncherFacts {
  return { connection, ...(peerAddress === undefined ? {} : { peerAddress }) };
}

async function unlessItEnds(
  answer: Promise<LauncherAnswer>,
  resource: RemoteResource,
  { kernelId }: LaunchContext,
): Promise<LauncherAnswer> {
  const ended = resource.ended.then((exit): never => {
    const message = `the kernel ended before its launcher called home: ${describeExit(exit)}`;
    throw new KernelFailureError('LAUNCH_FAILED', message, { exit, coordinates: { kernelId } });
  });
  ended.catch(() => undefined); // it may end long after the answer
  return await Promise.race([answer, ended]);
}

function assertEncrypted({ connection }: LauncherAnswer, context: LaunchContext): void {
  if (context.transportEncryption !== 'required' || connection.curve_publickey !== undefined) return;
  throw new ProvisionerError(
    'ENCRYPTION_UNAVAILABLE',
    'encryption of the kernel’s channels is required, but its launcher sent no keys: it or the kernel is too old for it',
    { coordinates: { kernelId: context.kernelId } },
  );
}

async function logTailOf(resource: RemoteResource, clock: Clock): Promise<string> {
  using scope = openDeadline({ what: "the kernel's log", timeoutMs: LOG_MS, clock });
  try {
    return await raceSignal(resource.logs({ signal: scope.signal, maxBytes: 4096 }), scope.signal);
  } catch {
    return ''; // a detail of another failure
  }
}

/** The caller's signal may be why we are here: the removal has a bound of its own. */
async function withRemoval(
  failure: Error,
  resource: RemoteResource,
  { clock, context }: { readonly clock: Clock; readonly context: LaunchContext },
): Promise<Error> {
  using scope = openDeadline({ what: 'the removal of a failed launch', timeoutMs: REMOVAL_MS, clock });
  try {
    await raceSignal(resource.remove({ signal: scope.signal }), scope.signal);
    await resource[Symbol.asyncDispose]();
    return failure;
  } catch (error) {
    const message = `${failure.message}\nWhat was created could not be removed: ${errorMessage(error)}`;
    return new KernelFailureError('LAUNCH_FAILED', message, {
      cause: failure,
      coordinates: { kernelId: context.kernelId },
    });
  }
}

/** Passes progress on and remembers the last of it: a deadline that passes is explained by what was under way. */
class PhaseRecorder {
  readonly report: ReportProgress;
  #last: LaunchProgress | undefined;

  constructor(listener: ReportProgress | undefined) {
    this.report = (progress) => {
      this.#last = progress;
      listener?.(progress);
    };
  }

  explain(
    error: unknown,
    { kernelId }: LaunchContext,
    { logTail, signal }: { readonly logTail: string; readonly signal: AbortSignal },
  ): Error {
    const isOurs =
      isProvisionerError(error, 'LAUNCH_TIMEOUT') ||
      (isProvisionerError(error, 'DEADLINE_EXCEEDED') && error === signal.reason);
    if (!isOurs) {
      if (isProvisionerError(error)) return error;
      return new KernelFailureError('LAUNCH_FAILED', `the kernel could not be started: ${errorMessage(error)}`, {
        cause: error,
        logTail,
        coordinates: { kernelId },
      });
    }
    const during = this.#last === undefined ? '' : ` (${this.#last.phase}: ${this.#last.message ?? 'no details'})`;
    const message = `the kernel was not ready before the launch deadline${during}`;
    return new KernelFailureError('LAUNCH_TIMEOUT', message, { cause: error, logTail, coordinates: { kernelId } });
  }
}
