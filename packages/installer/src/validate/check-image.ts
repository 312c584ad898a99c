import type { CallOptions, KernelSpec } from '@gateway-provisioners/core';
import type { KernelSpecFinding } from './check-argv.ts';

/** Whether an engine has an image; undefined when it cannot be asked. */
export type AskForImage = (image: string, options: CallOptions) => Promise<boolean | undefined>;

const OF_THE_ENGINE: readonly string[] = ['docker-provisioner', 'docker-swarm-provisioner'];

/** An image that is not there may still be pulled: a warning. */
export async function checkImage(
  { provisioner }: KernelSpec,
  options: CallOptions & { readonly askForImage?: AskForImage | undefined },
): Promise<readonly KernelSpecFinding[]> {
  const { image_name: image } = provisioner.config;
  if (!OF_THE_ENGINE.includes(provisioner.provisionerName) || typeof image !== 'string' || image === '') return [];
  if ((await options.askForImage?.(image, options)) !== false) return [];
  const where = 'metadata.kernel_provisioner.config.image_name';
  const message = `this machine's engine does not have ${image}: it will be pulled when a kernel needs it, or pull it now`;
  return [{ severity: 'warning', where, message }];
}
