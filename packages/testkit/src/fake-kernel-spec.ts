import { fileURLToPath } from 'node:url';
import type { InterruptMode, JsonObject, KernelSpec } from '@gateway-provisioners/core';

/** Path of the fake kernel's program: `node <path> CONNECTION_FILE [options]`, no build needed. */
export const fakeKernelProgram: string = fileURLToPath(new URL('../programs/fake-kernel.mjs', import.meta.url));

/** How the fake kernel misbehaves. Nothing set: it behaves. */
export interface FakeKernelMisbehaviour {
  /** Ends with this code before it binds anything. */
  readonly exitCode?: number;
  /** Written to stderr at start. */
  readonly stderr?: string;
  /** Waits this long before it binds, in milliseconds. */
  readonly startDelayMs?: number;
  /** Lives, but binds no socket. */
  readonly neverBinds?: boolean;
  /** Binds its sockets, but reads nothing. */
  readonly neverAnswers?: boolean;
  /** Signs with a key that is not the connection's. */
  readonly badSignatures?: boolean;
  /** What it takes no notice of. */
  readonly ignores?: readonly ('sigint' | 'sigterm' | 'shutdown')[];
  /** Starts a process that ignores SIGINT, SIGTERM and SIGHUP, in its own group or in a session of its own. */
  readonly grandchild?: 'group' | 'session';
}

export interface FakeKernelSpecOptions extends FakeKernelMisbehaviour {
  /** Default `fake`. */
  readonly name?: string;
  /** Default `local-provisioner`. */
  readonly provisionerName?: string;
  /** Settings of the provisioner; default none. */
  readonly config?: JsonObject;
  /** Default none. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default `signal`. */
  readonly interruptMode?: InterruptMode;
  /** Default none. */
  readonly metadata?: JsonObject;
  /** The Node that runs it. Default: the running one. */
  readonly node?: string;
  /** The program, where its path is another one: inside an image. Default {@link fakeKernelProgram}. */
  readonly program?: string;
}

/** A kernelspec of the fake kernel, whose commands are described in `programs/fake-kernel-commands.mjs`. */
export function fakeKernelSpec(options: FakeKernelSpecOptions = {}): KernelSpec {
  const config = options.config ?? {};
  const provisionerName = options.provisionerName ?? 'local-provisioner';
  return {
    name: options.name ?? 'fake',
    displayName: 'Fake kernel',
    language: 'fake',
    argv: [
      options.node ?? process.execPath,
      options.program ?? fakeKernelProgram,
      '{connection_file}',
      ...misbehaviourArguments(options),
    ],
    env: options.env ?? {},
    interruptMode: options.interruptMode ?? 'signal',
    metadata: {
      supported_encryption: ['curve'],
      ...options.metadata,
      kernel_provisioner: { provisioner_name: provisionerName, config },
    },
    extra: {},
    provisioner: { provisionerName, config },
  };
}

function misbehaviourArguments(options: FakeKernelMisbehaviour): string[] {
  const args: string[] = [];
  if (options.exitCode !== undefined) args.push(`--exit-code=${options.exitCode}`);
  if (options.stderr !== undefined) args.push(`--stderr=${options.stderr}`);
  if (options.startDelayMs !== undefined) args.push(`--start-delay-ms=${options.startDelayMs}`);
  if (options.neverBinds === true) args.push('--never-binds');
  if (options.neverAnswers === true) args.push('--never-answers');
  if (options.badSignatures === true) args.push('--bad-signatures');
  if (options.ignores !== undefined) args.push(`--ignore=${options.ignores.join(',')}`);
  if (options.grandchild !== undefined) args.push(`--grandchild=${options.grandchild}`);
  return args;
}
