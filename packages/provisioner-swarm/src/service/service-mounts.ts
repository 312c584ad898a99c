import { ProvisionerError } from '@gateway-provisioners/core';
import type { ContainerMount } from '@gateway-provisioners/docker-engine';
import type { MountOptions } from '../settings/service-options.ts';
import { asSwarmPart, fill, fillPath, unfilled } from './templates.ts';
import type { PlaceholderValues } from './templates.ts';

export interface ServiceMount {
  readonly mount: ContainerMount;
  /** A volume that is removed with the service. */
  readonly autoremove: boolean;
}

/**
 * Of a nameless volume with a driver's options a swarm makes two, and removes one. With a name it can be found.
 */
export function named(options: MountOptions, name: string): MountOptions {
  const isNameless = options.type === 'volume' && (options.source ?? '') === '' && options.driver_config !== undefined;
  return isNameless ? { ...options, source: name, labels: { ...options.labels, autoremove: 'True' } } : options;
}

/** A mount with its placeholders filled in. Errors: `INVALID_CONFIG`, `FORBIDDEN`; values of drivers are not shown. */
export function serviceMount(options: MountOptions, values: PlaceholderValues): ServiceMount {
  const { type } = options;
  const target = fillPath(options.target, values);
  if (type === 'tmpfs') {
    const { tmpfs_size, size = tmpfs_size, tmpfs_mode, mode = tmpfs_mode } = options;
    const mount = {
      type,
      target,
      ...(size === undefined ? {} : { sizeBytes: size }),
      ...(mode === undefined ? {} : { mode }),
    };
    return { mount, autoremove: false };
  }
  const readOnly = options.read_only === undefined ? {} : { readOnly: options.read_only };
  if (type === 'bind') {
    const propagation = options.propagation === undefined ? {} : { propagation: options.propagation };
    return {
      mount: { type, source: fillPath(options.source, values), target, ...readOnly, ...propagation },
      autoremove: false,
    };
  }
  const { source: given = '', no_copy, driver_config: driver } = options;
  const source = fillPath(given, values);
  // SwarmSpawner's documentation has the label among the driver's options.
  const { autoremove: ofDriver, ...driverOptions } = driver?.options ?? {};
  const given_labels = {
    ...(ofDriver === undefined ? {} : { autoremove: ofDriver }),
    ...options.label,
    ...options.labels,
  };
  const labels = Object.fromEntries(
    Object.entries(given_labels).map(([name, value]) => [name, fill(value, values, asSwarmPart)]),
  );
  const filledDriver = driver === undefined ? undefined : { name: driver.name, options: driverOptions };
  const mount = {
    type,
    target,
    ...readOnly,
    ...(source === '' ? {} : { source }),
    ...(no_copy === undefined ? {} : { noCopy: no_copy }),
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
    ...(filledDriver === undefined
      ? {}
      : { driver: filledDriver.name, driverOptions: driverOptionsOf(filledDriver, { values, target }) }),
  };
  return { mount, autoremove: source !== '' && isAutoremoved(labels) };
}

/** `autoremove` of SwarmSpawner's documentation, `keep` of its code. */
export function isAutoremoved({ autoremove, keep }: Readonly<Record<string, string>>): boolean {
  if (autoremove !== undefined) return autoremove.toLowerCase() === 'true';
  return keep !== undefined && keep.toLowerCase() !== 'true';
}

function driverOptionsOf(
  driver: { readonly name: string; readonly options: Readonly<Record<string, string>> },
  { values, target }: { readonly values: PlaceholderValues; readonly target: string },
): Readonly<Record<string, string>> {
  const isSshfs = /(^|\/)sshfs(:|$)/.test(driver.name);
  if (isSshfs) assertSshfs(driver.options, target);
  const filled = Object.entries(driver.options).map(([name, template]): [string, string] => {
    const missing = unfilled(template).filter((placeholder) => !Object.hasOwn(values, placeholder));
    if (missing.length > 0) {
      throw wrong(target, `nothing is known for {${missing.join('}, {')}} of its option ${name}: see user_data`);
    }
    const value = fill(template, values, asSwarmPart);
    if (isSshfs && ['sshcmd', 'id_rsa', 'password'].includes(name) && value === '') {
      throw wrong(target, `its option ${name} is empty for this user`);
    }
    return [name, value];
  });
  return { ...(isSshfs ? { port: '22' } : {}), ...Object.fromEntries(filled) };
}

function assertSshfs(options: Readonly<Record<string, string>>, target: string): void {
  if (options['sshcmd'] === undefined || options['sshcmd'] === '') throw wrong(target, 'sshfs needs the option sshcmd');
  const keys = ['id_rsa', 'password'].filter((name) => (options[name] ?? '') !== '');
  if (keys.length !== 1) throw wrong(target, 'sshfs needs exactly one of the options id_rsa and password');
  const { port } = options;
  if (port !== undefined && !/^(\d{1,5}|\{\w+\})$/.test(port)) throw wrong(target, 'the option port is no number');
}

function wrong(target: string, message: string): ProvisionerError {
  return new ProvisionerError('INVALID_CONFIG', `the mount at ${target} cannot be used: ${message}`);
}
