import { parsePortRange, errorMessage } from '@gateway-provisioners/core';
import type { KernelSpec } from '@gateway-provisioners/core';
import type { KernelSpecFinding } from './check-argv.ts';

const CONTAINERS: ReadonlySet<string> = new Set([
  'docker-provisioner',
  'docker-swarm-provisioner',
  'kubernetes-provisioner',
  'spark-operator-provisioner',
]);

/** What is wrong with settings that every remote kernel has. */
export function checkConfig({ metadata, provisioner }: KernelSpec): readonly KernelSpecFinding[] {
  const { provisionerName, config } = provisioner;
  const native = metadata['kernel_provisioner'] !== undefined;
  const root = `metadata.${native ? 'kernel_provisioner' : 'process_proxy'}.config`;
  const findings: KernelSpecFinding[] = [];
  const add = (severity: KernelSpecFinding['severity'], key: string, message: string): void => {
    findings.push({ severity, where: `${root}.${key}`, message });
  };
  const { port_range: portRange, launch_timeout: launchTimeout, image_name: image } = config;
  if (portRange !== undefined) {
    try {
      parsePortRange(typeof portRange === 'string' ? portRange : JSON.stringify(portRange));
    } catch (error) {
      add('error', 'port_range', errorMessage(error));
    }
  }
  if (launchTimeout !== undefined && !isSeconds(launchTimeout)) {
    add('error', 'launch_timeout', `must be a number of seconds, not ${JSON.stringify(launchTimeout)}`);
  }
  if (CONTAINERS.has(provisionerName)) {
    if (image === undefined || image === '') {
      add(
        'warning',
        'image_name',
        'is not there: kernels start only if the gateway has an image of its own (GP_IMAGE_NAME)',
      );
    } else if (typeof image !== 'string') {
      add('error', 'image_name', `must be a text, not ${JSON.stringify(image)}`);
    } else if (/\s/.test(image)) {
      add('error', 'image_name', `must not have blanks: ${JSON.stringify(image)}`);
    }
  }
  for (const key of ['authorized_users', 'unauthorized_users', 'remote_hosts']) {
    const value = config[key];
    if (value !== undefined && !isTextOrTexts(value))
      add('error', key, 'must be a list of texts, or one text with commas');
  }
  return findings;
}

function isSeconds(value: unknown): boolean {
  const seconds = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof seconds === 'number' && Number.isFinite(seconds) && seconds >= 0;
}

function isTextOrTexts(value: unknown): boolean {
  return typeof value === 'string' || (Array.isArray(value) && value.every((item) => typeof item === 'string'));
}
