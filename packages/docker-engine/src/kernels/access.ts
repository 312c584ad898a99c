import { ProvisionerError, silentLogger } from '@gateway-provisioners/core';
import type { LaunchContext, Logger } from '@gateway-provisioners/core';
import { specVariable } from './spec-variable.ts';

const MAX_ID = 0xffff_ffff;

export interface ProhibitedIds {
  readonly prohibited_uids?: readonly string[] | undefined;
  readonly prohibited_gids?: readonly string[] | undefined;
}

export interface ImageChoice {
  readonly image_name?: string | undefined;
  readonly allowed_images?: readonly string[] | undefined;
}

/** The part of a launch that says which image is wanted; without a kernel's id where it is only asked what would be. */
export type ImageWish = Pick<LaunchContext, 'env' | 'kernelSpec'> & { readonly kernelId?: string | undefined };

export interface ContainerUser {
  readonly uid: number;
  readonly gid: number;
}

/** `KERNEL_UID` and `KERNEL_GID`, default 1000 and 100. Errors: `INVALID_ENV`, `FORBIDDEN`. */
export function containerUser(env: Readonly<Record<string, string>>, config: ProhibitedIds): ContainerUser {
  return {
    uid: readId(env, { name: 'KERNEL_UID', otherwise: 1000, prohibited: config.prohibited_uids ?? ['0'] }),
    gid: readId(env, { name: 'KERNEL_GID', otherwise: 100, prohibited: config.prohibited_gids ?? ['0'] }),
  };
}

function readId(
  env: Readonly<Record<string, string>>,
  options: { readonly name: string; readonly otherwise: number; readonly prohibited: readonly string[] },
): number {
  const { name, otherwise, prohibited } = options;
  const given = (env[name] ?? '').trim();
  const id = given === '' ? otherwise : /^\+?\d{1,12}$/.test(given) ? Number(given) : NaN;
  if (!(id <= MAX_ID))
    throw new ProvisionerError('INVALID_ENV', `${name} must be a whole number from 0 to ${String(MAX_ID)}`);
  // Compared as numbers: 0, 00 and +0 are the same user.
  if (prohibited.some((text) => Number(text) === id)) {
    const list = name === 'KERNEL_UID' ? 'prohibited_uids' : 'prohibited_gids';
    throw new ProvisionerError('FORBIDDEN', `${name} ${String(id)} is listed in ${list}`);
  }
  return id;
}

/**
 * The image: a request's `KERNEL_IMAGE` where `allowed_images` lets it choose, what the kernelspec's own `env` says, the
 * setting. Errors: `FORBIDDEN` for an image that is not allowed, `INVALID_CONFIG` when none is set. Where requests choose
 * nothing, a wish is passed over, and the logger told.
 */
export function chooseImage(context: ImageWish, config: ImageChoice, logger: Logger = silentLogger): string {
  const wanted = context.env['KERNEL_IMAGE'] ?? '';
  const { allowed_images: allowed, image_name: configured } = config;
  const image = specVariable(context, 'KERNEL_IMAGE') ?? configured;
  if (wanted !== '' && wanted !== image) {
    if (allowed?.some((pattern) => matches(wanted, pattern)) === true) return wanted;
    if (allowed !== undefined) {
      const message = `image ${JSON.stringify(wanted)} of KERNEL_IMAGE is not in allowed_images`;
      throw new ProvisionerError('FORBIDDEN', message);
    }
    const message = 'a request names an image with KERNEL_IMAGE and is given another: allowed_images is not set';
    logger.warn(message, { kernelId: context.kernelId, wanted, image });
  }
  if (image !== undefined) return image;
  throw new ProvisionerError(
    'INVALID_CONFIG',
    `no image is set for kernelspec ${context.kernelSpec.name}: set image_name in its config, or GP_IMAGE_NAME`,
  );
}

function matches(image: string, pattern: string): boolean {
  const source = pattern.split('*').map((part) => part.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&'));
  return new RegExp(`^${source.join('.*')}$`).test(image);
}
