import { booleanSetting, defineSettings, listSetting } from '@gateway-provisioners/core';
import { byteCount, numberText, oneOf, optional, text } from '../schemas.ts';
import { names } from './names.ts';

const MIB = 1024 * 1024;

/** Who may use the gateway, and which web pages. */
export const accessSettings = defineSettings({
  auth: {
    schema: oneOf(['token', 'none']),
    default: 'token',
    env: names('AUTH'),
    flag: 'auth',
    group: 'Access',
    description: 'token, or none. None is possible on a loopback address only.',
  },
  token: {
    schema: optional(text()),
    env: names('AUTH_TOKEN'),
    flag: 'token',
    secret: true,
    group: 'Access',
    description: 'The token that clients have to send. Generated and printed when there is none.',
  },
  default_user: {
    schema: text({ pattern: /^[\w.@+-]{1,64}$/, expected: 'letters, digits and . _ @ + - only, up to 64' }),
    default: 'default',
    env: names('DEFAULT_USER'),
    flag: 'default-user',
    group: 'Access',
    description: 'User name of whoever has the token. Kernels belong to it, whatever KERNEL_USERNAME says.',
  },
  allowed_hosts: {
    schema: listSetting(),
    default: [],
    env: names('ALLOWED_HOSTS'),
    flag: 'allowed-hosts',
    group: 'Access',
    description: 'With auth none: host names that are answered, besides localhost and loopback addresses.',
  },
  allow_origin: {
    schema: listSetting(),
    default: [],
    env: names('ALLOW_ORIGIN'),
    flag: 'allow-origin',
    group: 'Access',
    description: 'Origins of web pages that may use the gateway, or *. Pages of the same host always may.',
  },
  allow_credentials: {
    schema: booleanSetting(),
    default: false,
    env: names('ALLOW_CREDENTIALS'),
    flag: 'allow-credentials',
    group: 'Access',
    description: 'Send Access-Control-Allow-Credentials to allowed origins.',
  },
  allow_headers: {
    schema: text(),
    default: '',
    env: names('ALLOW_HEADERS'),
    flag: 'allow-headers',
    group: 'Access',
    description: 'Access-Control-Allow-Headers for allowed origins; when empty, what Jupyter clients send.',
  },
  allow_methods: {
    schema: text(),
    default: '',
    env: names('ALLOW_METHODS'),
    flag: 'allow-methods',
    group: 'Access',
    description: 'Access-Control-Allow-Methods for allowed origins; when empty, what the gateway takes.',
  },
  expose_headers: {
    schema: text(),
    default: '',
    env: names('EXPOSE_HEADERS'),
    flag: 'expose-headers',
    group: 'Access',
    description: 'Access-Control-Expose-Headers for allowed origins.',
  },
  max_age: {
    schema: numberText(),
    default: '',
    env: names('MAX_AGE'),
    flag: 'max-age',
    group: 'Access',
    description: 'Access-Control-Max-Age for allowed origins, in seconds.',
  },
  list_kernels: {
    schema: booleanSetting(),
    default: true,
    env: names('LIST_KERNELS'),
    flag: 'list-kernels',
    group: 'Access',
    description: "Whether users can list their kernels and sessions. Jupyter's own clients need it.",
  },
  max_body_size: {
    schema: byteCount({ min: 1024 }),
    default: 4 * MIB,
    env: ['GP_MAX_BODY_SIZE'],
    flag: 'max-body-size',
    group: 'Access',
    description: 'Largest body of a REST request, in bytes or as 4MiB.',
  },
});
