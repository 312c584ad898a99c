import { resolve } from 'node:path';
import { Option } from 'commander';
import type { Command } from 'commander';
import {
  gatewaySettingRows,
  generateGatewayConfig,
  resolveGatewaySettings,
  showGatewayConfig,
  startGateway,
} from '@gateway-provisioners/gateway';
import type { GatewaySettingRow } from '@gateway-provisioners/gateway';
import type { CliContext } from '../cli-context.ts';
import { startBanner } from './start-banner.ts';

/** `start`: one flag for each setting of the gateway. */
export function defineStartCommand(command: Command, context: CliContext): void {
  command
    .option('--config <file>', 'settings from a JSON, YAML or JavaScript file; flags are stronger, variables weaker')
    .option('--show-config', 'print every setting, its value and where it came from, and end')
    .option('--generate-config', 'print a file with every setting at its default, and end');
  for (const row of gatewaySettingRows()) {
    if (row.flag !== undefined) command.addOption(optionFor(row, row.flag));
  }
  command.action(async (flags: Readonly<Record<string, unknown>>) => {
    await start(flags, context);
  });
}

function optionFor(row: GatewaySettingRow, flag: string): Option {
  const origin = [...row.env, row.default === undefined ? undefined : `default ${row.default}`];
  const option = new Option(
    row.isSwitch ? `${flag} [true|false]` : `${flag} <value>`,
    `${row.description} (${origin.filter((part) => part !== undefined).join(', ')})`,
  );
  if (row.isSwitch) option.preset('true');
  return option.helpGroup(`${row.group ?? 'Other'}:`);
}

async function start(flags: Readonly<Record<string, unknown>>, context: CliContext): Promise<void> {
  const { env, cwd, signal } = context;
  if (flags['generateConfig'] === true) {
    context.stdout.write(generateGatewayConfig());
    return;
  }
  const file = typeof flags['config'] === 'string' ? resolve(cwd, flags['config']) : undefined;
  const settings = await resolveGatewaySettings({ flags, file, env, signal });
  if (flags['showConfig'] === true) {
    context.stdout.write(showGatewayConfig(settings));
    return;
  }
  await using gateway = await startGateway(settings.values, { env, cwd, signal, resolveDenoFrom: import.meta.url });
  const { specs, problems } = await gateway.kernelspecs.list({ signal });
  const defaultKernel = await gateway.kernelspecs.defaultName({ signal });
  const kernels = specs.map(({ name }) => name);
  context.stdout.write(startBanner({ ...gateway, kernels, defaultKernel }));
  for (const { path, message } of problems) {
    context.stderr.write(message.includes(path) ? `Note: ${message}\n` : `Note: ${path}: ${message}\n`);
  }
  await aborted(signal);
  // The gateway stops by itself; this waits for it.
  await gateway.close();
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolveAborted) => {
    signal.addEventListener(
      'abort',
      () => {
        resolveAborted();
      },
      { once: true },
    );
  });
}
