import { booleanSetting, defineSettings } from '@gateway-provisioners/core';
import { count, oneOf, optional, text } from '../schemas.ts';
import { names } from './names.ts';

/** Where the gateway listens, and how. */
export const listeningSettings = defineSettings({
  ip: {
    schema: text({ pattern: /./s, expected: 'an address' }),
    default: '127.0.0.1',
    env: names('IP'),
    flag: 'ip',
    group: 'Listening',
    description: 'Address to listen on: an IP address, or localhost.',
  },
  port: {
    schema: count({ min: 0, max: 65_535 }),
    default: 8888,
    env: names('PORT'),
    flag: 'port',
    group: 'Listening',
    description: 'Port to listen on; 0 for any that is free.',
  },
  port_retries: {
    schema: count({ min: 0, max: 1000 }),
    default: 0,
    env: names('PORT_RETRIES'),
    flag: 'port-retries',
    group: 'Listening',
    description:
      'How many of the following ports are tried when the port is in use. With 0 the gateway says so and ends.',
  },
  base_url: {
    schema: text(),
    default: '/',
    env: names('BASE_URL'),
    flag: 'base-url',
    group: 'Listening',
    description: 'Prefix of all addresses; /healthz and /readyz also stay at the root.',
  },
  certfile: {
    schema: optional(text()),
    env: names('CERTFILE'),
    flag: 'certfile',
    group: 'Listening',
    description: 'TLS certificate, PEM. Needs keyfile.',
  },
  keyfile: {
    schema: optional(text()),
    env: names('KEYFILE'),
    flag: 'keyfile',
    group: 'Listening',
    description: 'TLS private key, PEM. Needs certfile.',
  },
  client_ca: {
    schema: optional(text()),
    env: names('CLIENT_CA'),
    flag: 'client-ca',
    group: 'Listening',
    description: 'Certificate authority, PEM: clients have to show a certificate that it signed. Needs certfile.',
  },
  tls_min_version: {
    schema: oneOf(['TLSv1.2', 'TLSv1.3']),
    default: 'TLSv1.2',
    env: names('TLS_MIN_VERSION'),
    flag: 'tls-min-version',
    group: 'Listening',
    description: 'Oldest version of TLS that is accepted: TLSv1.2 or TLSv1.3.',
  },
  trust_xheaders: {
    schema: booleanSetting(),
    default: false,
    env: names('TRUST_XHEADERS'),
    flag: 'trust-xheaders',
    group: 'Listening',
    description:
      "Believe X-Forwarded-For about a client's address (it only shows in the log). Set it behind a proxy only.",
  },
});
