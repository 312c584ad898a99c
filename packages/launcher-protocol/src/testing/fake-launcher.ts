import { ProvisionerError } from '@gateway-provisioners/core';
import type { LauncherParameters } from '@gateway-provisioners/core';
import { parseHostPort } from '../listener/host-port.ts';
import { encodeVersion1, encodeVersion2, readLauncherV2 } from './launcher-payloads.ts';
import type { LauncherFields } from './launcher-payloads.ts';
import { sendPayload } from './send-payload.ts';

/** What launchers say of a kernel, for a kernel that is not there. */
export function launcherFields(kernelId: string, overrides: LauncherFields = {}): LauncherFields {
  return {
    shell_port: 50001,
    iopub_port: 50002,
    stdin_port: 50003,
    control_port: 50004,
    hb_port: 50005,
    ip: '0.0.0.0',
    key: '5f0c3a9e-2b77-4d0e-8a35-1f2e3d4c5b6a',
    transport: 'tcp',
    signature_scheme: 'hmac-sha256',
    kernel_name: '',
    pid: 4711,
    pgid: 4711,
    kernel_id: kernelId,
    ...overrides,
  };
}

export interface FakeAnswerOptions {
  readonly version: 1 | 2;
  /** Replace what {@link launcherFields} says. */
  readonly fields?: LauncherFields;
}

export interface FakeAnswer {
  /** Version 2 only: authenticates the comm channel, when `comm_port` is among the fields. */
  readonly commKey: Uint8Array | undefined;
}

/** Answers for a launch as a launcher would. Errors: `PROTOCOL_ERROR` when the listener refuses (version 2 tells). */
export async function answerAsLauncher(
  parameters: LauncherParameters,
  options: FakeAnswerOptions,
): Promise<FakeAnswer> {
  const { kernelId, responseAddress, publicKey } = parameters.public;
  const { host, port = 0 } = parseHostPort(responseAddress);
  const fields = launcherFields(kernelId, options.fields);
  if (options.version === 1) {
    await sendPayload(encodeVersion1(fields, publicKey), { host, port });
    return { commKey: undefined };
  }
  const { payload, commKey, isTaken } = encodeVersion2(fields, readLauncherV2(parameters.secret.launcherV2));
  const reply = await sendPayload(payload, { host, port, end: false });
  if (!isTaken(reply)) throw new ProvisionerError('PROTOCOL_ERROR', 'the listener refused the answer');
  return { commKey };
}
