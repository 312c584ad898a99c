import { defineSettings, userSettings } from '@gateway-provisioners/core';
import { z } from 'zod';
import { byteSize, cores, flag, portRange, text, textList, wholeNumber } from './value-schemas.ts';

const ids = textList.pipe(z.array(z.string().regex(/^\d+$/, 'expected numbers')));

/** Settings that mean the same in a container of one engine and in a service of a swarm. */
export const kernelSettings = defineSettings({
  image_name: {
    schema: text.optional(),
    env: ['GP_IMAGE_NAME', 'EG_KERNEL_IMAGE'],
    description: 'Image that kernels run in. Required, here or in the environment.',
    group: 'Image',
  },
  executor_image_name: {
    schema: text.optional(),
    env: ['GP_EXECUTOR_IMAGE_NAME', 'EG_KERNEL_EXECUTOR_IMAGE'],
    description: 'Given to the kernel as `KERNEL_EXECUTOR_IMAGE`. Default: the image of the kernel.',
    group: 'Image',
  },
  allowed_images: {
    schema: textList.optional(),
    env: ['GP_ALLOWED_IMAGES'],
    description:
      'Images that a request may choose with `KERNEL_IMAGE`; `*` stands for any text. Default: none, and what a request ' +
      'names is passed over.',
    group: 'Image',
  },
  port_range: {
    schema: portRange.optional(),
    env: ['GP_PORT_RANGE', 'EG_PORT_RANGE'],
    description: '`low..high` for the ports of kernels in their containers. Default `0..0`: any free port.',
    group: 'Network',
  },
  launcher_protocol: {
    schema: z
      .union([z.literal('auto'), z.enum(['1', '2']).transform((v) => (v === '1' ? 1 : 2)), z.literal([1, 2])])
      .optional(),
    env: ['GP_LAUNCHER_PROTOCOL'],
    description: 'Versions of the launcher protocol that are accepted: `auto` (default), 1 or 2.',
    group: 'Network',
  },
  // These two are obeyed for every provisioner before it is asked; here they stand for the page of settings.
  authorized_users: { ...userSettings.authorized_users, schema: textList.optional(), default: undefined },
  unauthorized_users: { ...userSettings.unauthorized_users, schema: textList.optional(), default: undefined },
  prohibited_uids: {
    schema: ids.optional(),
    env: ['GP_PROHIBITED_UIDS', 'EG_PROHIBITED_UIDS'],
    description: 'User ids that `KERNEL_UID` may not be. Default `0`.',
    group: 'Access',
  },
  prohibited_gids: {
    schema: ids.optional(),
    env: ['GP_PROHIBITED_GIDS', 'EG_PROHIBITED_GIDS'],
    description: 'Group ids that `KERNEL_GID` may not be. Default `0`.',
    group: 'Access',
  },
  mirror_working_dirs: {
    schema: flag.optional(),
    env: ['GP_MIRROR_WORKING_DIRS', 'EG_MIRROR_WORKING_DIRS'],
    description:
      'Whether the working folder of the container is that of the request (`KERNEL_WORKING_DIR`, else the path of the ' +
      'notebook). Volumes must give it that folder. Default false: the folder of the image.',
    group: 'Files',
  },
  max_cpus: {
    schema: cores.optional(),
    env: ['GP_DOCKER_MAX_CPUS'],
    description:
      'The most that a request may choose with `KERNEL_CPUS` or `KERNEL_CPUS_LIMIT`. Default: `cpus`, and where that is ' +
      'not set either, any amount.',
    group: 'Limits',
  },
  max_memory: {
    schema: byteSize.optional(),
    env: ['GP_DOCKER_MAX_MEMORY'],
    description: 'The same for `KERNEL_MEMORY` and `KERNEL_MEMORY_LIMIT`. Default: `memory`.',
    group: 'Limits',
  },
  max_gpus: {
    schema: wholeNumber(0, 9_999).optional(),
    env: ['GP_DOCKER_MAX_GPUS'],
    description: 'The same for `KERNEL_GPUS` and `KERNEL_GPUS_LIMIT`. Default: as many as `gpus` gives, else none.',
    group: 'Limits',
  },
});
