import { ProvisionerError, errorMessage } from '@gateway-provisioners/core';
import type { JsonObject, KernelSpec, ProvisionerStanza } from '@gateway-provisioners/core';
import { z } from 'zod';
import { processProxyClasses, provisionerForProcessProxy } from './process-proxy.ts';
import type { KernelJson } from './types.ts';

export interface ParseKernelJsonOptions {
  /** Key under which the kernelspec is found; used lower-cased. */
  readonly name: string;
  /** For error texts: the file. */
  readonly path?: string | undefined;
  readonly resourceDir?: string | undefined;
  /** For kernelspecs that name no provisioner; default `local-provisioner`. */
  readonly defaultProvisioner?: string | undefined;
}

/** Backends that run `argv` themselves; the others have a command of their own (an image's entry point). */
const needArgv: ReadonlySet<string> = new Set([
  'local-provisioner',
  'distributed-provisioner',
  'yarn-provisioner',
  'conductor-provisioner',
]);

const withoutNul = z.string().refine((text) => !text.includes('\0'), 'must not contain a NUL character');

// Values come from JSON.parse, so a plain object holds nothing but JSON.
const jsonObject = z.custom<JsonObject>(isPlainObject, 'must be an object');

function hasVariableNames(env: Readonly<Record<string, unknown>>): boolean {
  return Object.keys(env).every((name) => /^[^=\0]+$/.test(name));
}

const stanza = z.looseObject({
  provisioner_name: z.string().min(1, 'must not be empty').optional(),
  config: jsonObject.optional(),
});

const processProxy = z.looseObject({
  class_name: z.string().optional(),
  config: jsonObject.optional(),
});

const metadataStanzas = z.looseObject({
  kernel_provisioner: stanza.optional(),
  process_proxy: processProxy.optional(),
});

const kernelJson = z.looseObject({
  argv: z.array(withoutNul).default([]),
  env: z
    .record(z.string(), withoutNul)
    .refine(hasVariableNames, "a variable's name must not be empty or contain '='")
    .default({}),
  display_name: z.string().optional(),
  language: z.string().default(''),
  interrupt_mode: z.enum(['signal', 'message']).default('signal'),
  metadata: jsonObject.default({}),
  kernel_protocol_version: z.string().optional(),
});

/**
 * Reads the text of a `kernel.json`, or its contents already parsed. A byte order mark is accepted; unknown keys are
 * kept. Errors: `KERNELSPEC_INVALID`, which names every wrong field.
 */
export function parseKernelJson(input: string | JsonObject, options: ParseKernelJsonOptions): KernelSpec {
  const value = typeof input === 'string' ? parseText(input, options) : input;
  if (!isPlainObject(value)) throw invalid(options, ['must hold a JSON object']);
  const parsed = kernelJson.safeParse(value);
  const problems = parsed.success ? [] : parsed.error.issues.map(formatIssue);
  const found = readStanza(value['metadata'], options);
  problems.push(...found.problems);
  if (!parsed.success) throw invalid(options, problems);
  const { argv, env, display_name, language, interrupt_mode, metadata, kernel_protocol_version } = parsed.data;
  if (needArgv.has(found.provisioner.provisionerName) && (argv[0] ?? '') === '') {
    problems.push(`argv: ${found.provisioner.provisionerName} needs a command: a non-empty array of strings`);
  }
  if (problems.length > 0) throw invalid(options, problems);
  return {
    name: options.name.toLowerCase(),
    argv,
    env,
    displayName: display_name ?? options.name,
    language,
    interruptMode: interrupt_mode,
    metadata,
    ...(kernel_protocol_version === undefined ? {} : { kernelProtocolVersion: kernel_protocol_version }),
    extra: Object.fromEntries(Object.entries(value).filter(([key]) => !Object.hasOwn(kernelJson.shape, key))),
    ...(options.resourceDir === undefined ? {} : { resourceDir: options.resourceDir }),
    provisioner: found.provisioner,
  };
}

/** The seven keys that Jupyter's REST API shows as `spec`. */
export function toKernelJson(spec: KernelSpec): KernelJson {
  return {
    argv: spec.argv,
    env: spec.env,
    display_name: spec.displayName,
    language: spec.language,
    interrupt_mode: spec.interruptMode,
    metadata: spec.metadata,
    kernel_protocol_version: spec.kernelProtocolVersion ?? '',
  };
}

function parseText(text: string, options: ParseKernelJsonOptions): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text.startsWith('\uFEFF') ? text.slice(1) : text);
  } catch (error) {
    throw invalid(options, [`is not JSON: ${errorMessage(error)}`], error);
  }
  if (!isPlainObject(value)) throw invalid(options, ['must hold a JSON object']);
  return value;
}

/**
 * `metadata.kernel_provisioner`, else Enterprise Gateway's `metadata.process_proxy`, else the default. A stanza without
 * a name means the default provisioner with no settings: so do jupyter_client and Enterprise Gateway read it.
 */
function readStanza(
  metadata: unknown,
  options: ParseKernelJsonOptions,
): { readonly provisioner: ProvisionerStanza; readonly problems: string[] } {
  const fallback = { provisionerName: options.defaultProvisioner ?? 'local-provisioner', config: {} };
  if (!isPlainObject(metadata)) return { provisioner: fallback, problems: [] };
  const parsed = metadataStanzas.safeParse(metadata);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => formatIssue({ ...issue, path: ['metadata', ...issue.path] }));
    return { provisioner: fallback, problems };
  }
  const { kernel_provisioner: native, process_proxy: proxy } = parsed.data;
  if (native?.provisioner_name !== undefined) {
    return { provisioner: { provisionerName: native.provisioner_name, config: native.config ?? {} }, problems: [] };
  }
  if (native !== undefined || proxy === undefined) return { provisioner: fallback, problems: [] };
  // Enterprise Gateway's settings apply to its local proxy too, which is what no class name means there.
  const className = proxy.class_name ?? 'LocalProcessProxy';
  const provisionerName = provisionerForProcessProxy(className);
  if (provisionerName !== undefined) {
    return { provisioner: { provisionerName, config: proxy.config ?? {} }, problems: [] };
  }
  const known = processProxyClasses.join(', ');
  return {
    provisioner: fallback,
    problems: [
      `metadata.process_proxy.class_name: no provisioner stands for ${JSON.stringify(className)} (known: ${known}); ` +
        'name one in metadata.kernel_provisioner.provisioner_name',
    ],
  };
}

function formatIssue(issue: { readonly path: readonly PropertyKey[]; readonly message: string }): string {
  const path = issue.path.map(String).join('.');
  return path === '' ? issue.message : `${path}: ${issue.message}`;
}

function invalid(options: ParseKernelJsonOptions, problems: readonly string[], cause?: unknown): ProvisionerError {
  return kernelSpecInvalid({ name: options.name, path: options.path, problems, cause });
}

/** The error for a kernelspec that cannot be used. */
export function kernelSpecInvalid(what: {
  readonly name: string;
  readonly path?: string | undefined;
  readonly problems: readonly string[];
  readonly cause?: unknown;
}): ProvisionerError {
  const where = what.path === undefined ? '' : ` (${what.path})`;
  return new ProvisionerError(
    'KERNELSPEC_INVALID',
    `kernelspec ${JSON.stringify(what.name)}${where}: ${what.problems.join('; ')}`,
    what.cause === undefined ? {} : { cause: what.cause },
  );
}

function isPlainObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
