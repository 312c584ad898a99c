import { booleanSetting, defineSettings, discoverySettings } from '@gateway-provisioners/core';
import { objectMap, oneOf, optional, text, textMap } from '../schemas.ts';

/** What is kept, where kernels can run and how they are spoken to. */
export const backendSettings = defineSettings({
  state_dir: {
    schema: optional(text()),
    env: ['GP_STATE_DIR', 'EG_PERSISTENCE_ROOT'],
    flag: 'state-dir',
    group: 'Backends',
    description:
      'Folder for the records of kernels, which hold their keys. When not set: gateway-provisioners/<port> in the state ' +
      'folder of the user; with port 0 nothing is kept.',
  },
  instance_id: {
    schema: optional(
      text({ pattern: /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, expected: 'letters, digits and . _ - only, up to 63' }),
    ),
    env: ['GP_INSTANCE_ID'],
    flag: 'instance-id',
    group: 'Backends',
    description: 'Name of this gateway on all that it creates; when not set, chosen once and kept in state_dir.',
  },
  provisioners: {
    schema: textMap(),
    default: {},
    env: ['GP_PROVISIONERS'],
    flag: 'provisioners',
    group: 'Backends',
    description: 'Further provisioners by name: an npm package, or a file. JSON in a flag or variable.',
  },
  provisioner_config: {
    schema: objectMap(),
    default: {},
    env: ['GP_PROVISIONER_CONFIG'],
    flag: 'provisioner-config',
    group: 'Backends',
    secret: true,
    description: "Settings by provisioner name; a kernelspec's own are laid over them. JSON in a flag or variable.",
  },
  discover_provisioners: {
    schema: booleanSetting(),
    default: false,
    env: ['GP_DISCOVER_PROVISIONERS'],
    flag: 'discover-provisioners',
    group: 'Backends',
    description: 'Offer what dependencies of the package.json in the folder of the gateway declare.',
  },
  ...discoverySettings,
  engine: {
    schema: oneOf(['auto', 'zmtp', 'zeromq']),
    default: 'auto',
    env: ['GP_ENGINE'],
    flag: 'engine',
    group: 'Backends',
    description: 'How kernels are spoken to: zmtp, zeromq (libzmq), or auto: libzmq for encrypted channels only.',
  },
  transport_encryption: {
    schema: optional(oneOf(['disabled', 'auto', 'required'])),
    env: ['GP_TRANSPORT_ENCRYPTION'],
    flag: 'transport-encryption',
    group: 'Backends',
    description: 'CurveZMQ: disabled, auto or required; when not set disabled for local kernels and auto for others.',
  },
  launcher_url: {
    schema: optional(
      text({
        pattern: /^https?:\/\/[^/?#\s]+\/?$/,
        expected: 'an address without a path, such as https://gateway:8888 (the path is that of base_url)',
      }),
    ),
    env: ['GP_LAUNCHER_URL'],
    flag: 'launcher-url',
    group: 'Backends',
    description:
      'This gateway as launchers of remote kernels see it, such as https://gateway:8888. They may then answer at its ' +
      'own port where the response port cannot be reached. Default: they may not.',
  },
});
