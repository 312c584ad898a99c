import {
  ProvisionerError,
  booleanSetting,
  defineSettings,
  listSetting,
  parsePortRange,
  resolveSettings,
} from '@gateway-provisioners/core';
import { z } from 'zod';
import { parseHostPort } from './host-port.ts';

const hostPort = z.string().superRefine((text, context) => {
  try {
    parseHostPort(text);
  } catch {
    context.addIssue({ code: 'custom', message: 'expected host, host:port or [IPv6]:port' });
  }
});

const patterns = listSetting((list) => {
  if (list.every(isRegularExpression)) return list;
  throw new ProvisionerError('INVALID_ARGUMENT', 'expected a comma list of regular expressions');
});

/** Settings of the response listener, with the variables of Gateway Provisioners and Enterprise Gateway as aliases. */
export const responseListenerSettings = defineSettings({
  address: {
    schema: z.string().min(1).optional(),
    env: ['GP_RESPONSE_IP', 'EG_RESPONSE_IP'],
    description:
      'Address that launchers are told to answer at, and that is listened on. Default: the first one of this machine ' +
      'that is not loopback and not prohibited.',
  },
  bindAddress: {
    schema: z.string().min(1).optional(),
    env: ['GP_RESPONSE_BIND_ADDRESS'],
    description: 'Address that is listened on when it differs from the one that launchers are told.',
  },
  anyAddress: {
    schema: booleanSetting(),
    default: false,
    env: ['GP_RESPONSE_ADDR_ANY', 'EG_RESPONSE_ADDR_ANY'],
    description: 'Listen on all addresses of this machine, IPv6 and IPv4. What launchers are told stays the same.',
  },
  advertisedAddress: {
    schema: hostPort.optional(),
    env: ['GP_RESPONSE_ADVERTISED_ADDRESS'],
    description:
      'What launchers are told when it differs from what is listened on, as behind NAT or a load balancer: host or ' +
      'host:port.',
  },
  port: {
    schema: z.coerce.number().pipe(z.int().min(0).max(65_535)),
    default: 8877,
    env: ['GP_RESPONSE_PORT', 'EG_RESPONSE_PORT'],
    description: 'Port of the response listener; 0 for any that is free.',
  },
  portRetries: {
    schema: z.coerce.number().pipe(z.int().min(0).max(1000)),
    default: 10,
    env: ['GP_RESPONSE_PORT_RETRIES', 'EG_RESPONSE_PORT_RETRIES'],
    description: 'How many other ports are tried when that one is taken.',
  },
  prohibitedLocalIps: {
    schema: patterns,
    default: [],
    env: ['GP_PROHIBITED_LOCAL_IPS', 'EG_PROHIBITED_LOCAL_IPS'],
    description:
      'Comma list of regular expressions; addresses of this machine that begin with a match are not told to launchers.',
  },
  portRange: {
    schema: z.string().refine(isPortRange, 'expected a range such as 40000..42000, or 0..0 for any port'),
    default: '0..0',
    env: ['GP_PORT_RANGE', 'EG_PORT_RANGE'],
    description: 'Ports that launchers may use for kernels.',
  },
  acceptVersion0: {
    schema: booleanSetting(),
    default: false,
    env: ['GP_RESPONSE_ACCEPT_VERSION0'],
    description: 'Accept answers of the first launchers, which whoever knows a kernel id can forge.',
  },
});

/** Options of `createResponseListener` as an environment gives them. Errors: `INVALID_CONFIG` with every problem. */
export function configFromEnv(env: Readonly<Record<string, string | undefined>>): ResponseListenerConfig {
  return resolveSettings(responseListenerSettings, { env }).values;
}

export interface ResponseListenerConfig {
  /** Address that launchers are told and that is listened on. Default: {@link pickLocalAddress}. */
  readonly address?: string | undefined;
  /** What is listened on, when it differs. */
  readonly bindAddress?: string | undefined;
  /** Listen on all addresses, IPv6 and IPv4. Default false. */
  readonly anyAddress?: boolean | undefined;
  /** What launchers are told, when it differs: host or host:port. */
  readonly advertisedAddress?: string | undefined;
  /** 0 for any that is free. Default 8877. */
  readonly port?: number | undefined;
  /** Default 10. */
  readonly portRetries?: number | undefined;
  /** Regular expressions. Default none. */
  readonly prohibitedLocalIps?: readonly string[] | undefined;
  /** For launches that name none: `low..high`. Default `0..0`, no restriction. */
  readonly portRange?: string | undefined;
  /** Default false. */
  readonly acceptVersion0?: boolean | undefined;
}

function isRegularExpression(pattern: string): boolean {
  try {
    return new RegExp(pattern).source !== '';
  } catch {
    return false;
  }
}

function isPortRange(text: string): boolean {
  try {
    parsePortRange(text, { minSize: 0 });
    return true;
  } catch {
    return false;
  }
}
