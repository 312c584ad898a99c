import { resolve } from 'node:path';
import { checkKernelSpecs } from '@gateway-provisioners/installer';
import type { KernelSpecReport } from '@gateway-provisioners/installer';
import type { CliContext } from '../cli-context.ts';
import { FailedCommand } from '../failed-command.ts';
import { configuredSearchPath } from '../host/local-kernel-specs.ts';
import { openLocalRegistry } from '../host/local-registry.ts';
import { openRuntimeFolder } from '../host/runtime-folder.ts';
import { addFurtherProvisioners } from '../provisioners/further-provisioners.ts';
import type { FurtherProvisioners } from '../provisioners/further-provisioners.ts';
import { imagesOfEngine } from './ask-for-image.ts';

export interface ValidateFlags extends FurtherProvisioners {
  readonly json?: boolean;
}

/** Prints what is wrong with kernelspecs; fails when something is. */
export async function validateKernelSpecs(
  folder: string | undefined,
  flags: ValidateFlags,
  context: CliContext,
): Promise<void> {
  const { env, cwd, signal } = context;
  await using runtime = await openRuntimeFolder(env);
  await using registry = openLocalRegistry({ env, instanceId: 'validate', runtimeDir: runtime.path });
  await addFurtherProvisioners(registry, flags, context);
  await using images = imagesOfEngine(env);
  const report = await checkKernelSpecs({
    env,
    askForImage: images.ask,
    folder: folder === undefined ? undefined : resolve(cwd, folder),
    searchPath: configuredSearchPath(env),
    registry,
    signal,
  });
  context.stdout.write(flags.json === true ? asJson(report) : asText(report));
  const bad = report.kernelSpecs.filter(({ findings }) => findings.some(({ severity }) => severity === 'error')).length;
  const count = report.kernelSpecs.length;
  if (bad > 0) throw new FailedCommand(`${String(bad)} of ${String(count)} kernelspecs cannot be used as they are`);
  if (report.problems.length > 0) throw new FailedCommand('there are folders that cannot be used');
}

function asText({ kernelSpecs, problems }: KernelSpecReport): string {
  const lines = kernelSpecs.flatMap(({ name, path, provisioner, findings }) => [
    `${name} (${provisioner ?? 'unreadable'}) ${path}`,
    ...(findings.length === 0 ? ['  ok'] : []),
    ...findings.map(({ severity, where, message }) => `  ${severity}: ${where}: ${message}`),
  ]);
  for (const { path, message } of problems) lines.push(path, `  error: ${message}`);
  return `${lines.length === 0 ? 'No kernelspecs.' : lines.join('\n')}\n`;
}

function asJson({ kernelSpecs, problems }: KernelSpecReport): string {
  const kernelspecs = kernelSpecs.map(({ name, path, provisioner, findings }) => ({
    name,
    path,
    provisioner: provisioner ?? null,
    findings,
  }));
  return `${JSON.stringify({ kernelspecs, problems }, null, 2)}\n`;
}
