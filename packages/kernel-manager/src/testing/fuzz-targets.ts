import { isProvisionerError } from '@gateway-provisioners/core';
import { disturbDeep, fuzzTarget, mutateText } from '@gateway-provisioners/core/testing';
import type { FuzzTarget, SeededRandom } from '@gateway-provisioners/core/testing';
import { z } from 'zod';
import { formatRecord, parseRecord } from '../store/record-codec.ts';

/** The files in which kernels outlive the gateway: ours, Enterprise Gateway's, and what a full disk left of them. */
export const fuzzTargets: readonly FuzzTarget[] = [fuzzTarget('kernel-records', 'INVALID_CONNECTION_INFO', tryRecord)];

const ID = 'a1b2c3d4-0000-4000-8000-000000000000';
const ENTRY = {
  kernel_id: ID,
  username: 'alice',
  kernel_name: 'python3',
  connection_info: {
    transport: 'tcp',
    ip: '10.0.0.7',
    shell_port: 1,
    iopub_port: 2,
    stdin_port: 3,
    control_port: 4,
    hb_port: 65_535,
    key: 'k',
    signature_scheme: 'hmac-sha256',
  },
  launch_args: { env: { KERNEL_ID: ID }, kernel_headers: {}, kernel_name: 'python3' },
  process_info: { pid: 7, host: { name: 'h', ports: [1, 2] } },
};
const OURS = {
  version: 3,
  instance_id: 'i',
  phase: 'running',
  incarnation: 2,
  created_at: 1_700_000_000_000,
  last_activity: 1_700_000_000_001,
  cwd: '/home/alice',
  kernel_spec: {
    name: 'python3',
    displayName: 'Python 3',
    language: 'python',
    argv: ['python', '-m', 'ipykernel_launcher'],
    env: { A: 'b' },
    interruptMode: 'signal',
    metadata: { debugger: true },
    resourceDir: '/k',
    provisioner: { provisionerName: 'local-provisioner', config: { a: [1, null] } },
  },
};

function tryRecord(random: SeededRandom): boolean {
  const entry = random.below(3) === 0 ? ENTRY : { ...ENTRY, gateway_provisioners: OURS };
  const text = JSON.stringify({ [ID]: disturbDeep(entry, random) }, null, random.below(2));
  const input = random.below(2) === 0 ? text : mutateText(text, random);
  const check = (holds: boolean, promise: string): void => {
    if (!holds) throw new Error(`${promise}; input: ${JSON.stringify(input)}`);
  };
  try {
    const read = parseRecord(input, ID);
    const { record } = read;
    check(record.kernelId === ID, 'the record of another kernel');
    for (const time of [record.createdAt, record.lastActivity]) new Date(time).toISOString();
    const { shell_port: port = 1 } = record.connection ?? {};
    check(Number.isInteger(port) && port >= 1 && port <= 65_535, 'a port that is none');
    check(JSON.stringify(Object.keys(record.launch.env)) !== '["__proto__"]', 'a variable of the prototype');
    if (record.instanceId === '') return true;
    const again = parseRecord(formatRecord(read), ID);
    check(JSON.stringify(again) === JSON.stringify(read), 'written and read, a record differs');
    return true;
  } catch (error) {
    // What keeps a file from being loaded: it is set aside with these words.
    const isRefusal =
      error instanceof SyntaxError ||
      error instanceof z.ZodError ||
      (error instanceof Error && /^(no entry for|kernel_id is) /.test(error.message));
    if (isRefusal && !isProvisionerError(error)) return false;
    throw error;
  }
}
