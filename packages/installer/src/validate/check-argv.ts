import { suggestion } from '@gateway-provisioners/core';
import type { KernelSpec } from '@gateway-provisioners/core';

/** A remark on one place of a `kernel.json`. */
export interface KernelSpecFinding {
  /** `error`: the kernel cannot start, or not as it was meant. `warning`: it may. */
  readonly severity: 'error' | 'warning';
  /** Where in `kernel.json`: `argv.3`, `metadata.kernel_provisioner.config.port_range`. */
  readonly where: string;
  readonly message: string;
}

/** What is filled in when a kernel starts. */
const PLACEHOLDERS = [
  'connection_file',
  'resource_dir',
  'prefix',
  'kernel_id',
  'port_range',
  'response_address',
  'public_key',
  'transport_encryption',
];

/** Without these a launcher cannot call home. */
const CALL_HOME = ['kernel_id', 'response_address', 'public_key'];

/** Backends that run `argv` and wait for its launcher to call. */
const RUN_LAUNCHERS: ReadonlySet<string> = new Set([
  'distributed-provisioner',
  'yarn-provisioner',
  'conductor-provisioner',
]);

/** Jupyter's form of a placeholder; `${name}` is a variable of the environment. */
const PLACEHOLDER = /(?<!\$)\{([A-Za-z0-9_]+)\}/g;

/** What is wrong with the placeholders of a command line. */
export function checkArgv({ argv, metadata, provisioner }: KernelSpec): readonly KernelSpecFinding[] {
  const findings: KernelSpecFinding[] = [];
  const used = new Set<string>();
  for (const [index, argument] of argv.entries()) {
    for (const [whole, name = ''] of argument.matchAll(PLACEHOLDER)) {
      used.add(name);
      if (PLACEHOLDERS.includes(name)) continue;
      const close = suggestion(name, PLACEHOLDERS);
      findings.push({
        // Programs have braces of their own, as in awk '{print}'.
        severity: close === '' ? 'warning' : 'error',
        where: `argv.${String(index)}`,
        message: `nothing is filled in for ${whole}${close}`,
      });
    }
  }
  const { provisionerName } = provisioner;
  const wanted = RUN_LAUNCHERS.has(provisionerName)
    ? CALL_HOME
    : provisionerName === 'local-provisioner'
      ? ['connection_file']
      : [];
  const missing = wanted.filter((name) => !used.has(name)).map((name) => `{${name}}`);
  if (missing.length > 0) {
    const message = `${provisionerName} needs ${missing.join(', ')} in the command line: the kernel could not be reached`;
    findings.push({ severity: 'error', where: 'argv', message });
  }
  if (encrypts(metadata['supported_encryption']) && provisionerName !== 'local-provisioner' && argv.length > 0) {
    if (!used.has('transport_encryption')) {
      const message = 'says curve, but argv has no {transport_encryption}: the launcher would not encrypt';
      findings.push({ severity: 'warning', where: 'metadata.supported_encryption', message });
    }
  }
  return findings;
}

function encrypts(value: unknown): boolean {
  const listed: readonly unknown[] = Array.isArray(value) ? value : [value];
  return listed.some((item) => typeof item === 'string' && item.trim().toLowerCase() === 'curve');
}
