import { parseStoredConnectionInfo } from '@gateway-provisioners/core';
import type { JsonObject } from '@gateway-provisioners/core';
import { z } from 'zod';
import type { KernelRecord } from './kernel-record.ts';
import type { StoredRecord } from './kernel-store.ts';

/** Ours within a record that otherwise has Enterprise Gateway's layout. */
const OUR_KEY = 'gateway_provisioners';

const json: z.ZodType<JsonObject> = z.record(z.string(), z.json());
const strings = z.record(z.string(), z.string());

/** Milliseconds since the epoch; what is beyond a `Date` could not be shown to clients. */
const moment = z.number().min(-8.64e15).max(8.64e15);

const ours = z.object({
  version: z.number().int().min(1),
  instance_id: z.string().min(1),
  phase: z.enum(['launching', 'connecting', 'running', 'ending']),
  incarnation: z.number().int().min(1),
  created_at: moment,
  last_activity: moment,
  cwd: z.string().optional(),
  kernel_spec: z.object({
    name: z.string().min(1),
    displayName: z.string(),
    language: z.string(),
    argv: z.array(z.string()),
    env: strings,
    interruptMode: z.enum(['signal', 'message']),
    metadata: json,
    resourceDir: z.string().optional(),
    provisioner: z.object({ provisionerName: z.string().min(1), config: json }),
  }),
});

const entry = z.object({
  kernel_id: z.string().min(1),
  username: z.string(),
  kernel_name: z.string(),
  connection_info: z.unknown(),
  launch_args: z.object({ env: strings.nullish() }).nullish(),
  process_info: json.nullish(),
  [OUR_KEY]: ours.optional(),
});

/**
 * The text of a record: `{ "<id>": { kernel_id, username, kernel_name, connection_info, launch_args, process_info } }`,
 * which is what Enterprise Gateway keeps, and one key of ours.
 */
export function formatRecord({ record, version }: StoredRecord): string {
  const { kernelSpec, launch } = record;
  const value = {
    kernel_id: record.kernelId,
    username: record.owner,
    kernel_name: kernelSpec.name,
    connection_info: record.connection ?? null,
    launch_args: { env: launch.env, kernel_headers: {}, kernel_name: kernelSpec.name, path: launch.cwd ?? null },
    process_info: record.state ?? null,
    [OUR_KEY]: {
      version,
      instance_id: record.instanceId,
      phase: record.phase,
      incarnation: record.incarnation,
      created_at: record.createdAt,
      last_activity: record.lastActivity,
      cwd: launch.cwd,
      kernel_spec: kernelSpec,
    },
  };
  return `${JSON.stringify({ [record.kernelId]: value }, null, 1)}\n`;
}

/**
 * Reads a record, ours or one that Enterprise Gateway wrote; the latter has no instance id, so that no manager takes
 * it for its own. Throws a plain `Error` that says what is wrong.
 */
export function parseRecord(text: string, kernelId: string): StoredRecord {
  const outer = z.record(z.string(), z.unknown()).parse(JSON.parse(text));
  if (!Object.hasOwn(outer, kernelId)) throw new Error(`no entry for ${kernelId}`);
  const found = entry.parse(outer[kernelId]);
  if (found.kernel_id !== kernelId) throw new Error(`kernel_id is ${found.kernel_id}`);
  const own = found[OUR_KEY];
  const storedConnection = found.connection_info ?? null;
  const common = {
    kernelId,
    owner: found.username,
    state: found.process_info ?? undefined,
    connection: storedConnection === null ? undefined : parseStoredConnectionInfo(storedConnection),
  };
  const env = found.launch_args?.env ?? {};
  if (own === undefined) return { record: { ...common, ...foreign(found.kernel_name, env) }, version: 1 };
  return {
    record: {
      ...common,
      instanceId: own.instance_id,
      phase: own.phase,
      incarnation: own.incarnation,
      createdAt: own.created_at,
      lastActivity: own.last_activity,
      launch: { env, cwd: own.cwd },
      kernelSpec: own.kernel_spec,
    },
    version: own.version,
  };
}

function foreign(kernelName: string, env: Readonly<Record<string, string>>): Omit<KernelRecord, 'kernelId' | 'owner'> {
  return {
    instanceId: '',
    phase: 'running',
    incarnation: 1,
    createdAt: 0,
    lastActivity: 0,
    launch: { env },
    kernelSpec: {
      name: kernelName,
      displayName: kernelName,
      language: '',
      argv: [],
      env: {},
      interruptMode: 'signal',
      metadata: {},
      provisioner: { provisionerName: '', config: {} },
    },
  };
}
