import { booleanSetting, defineSettings } from '@gateway-provisioners/core';
import { byteCount, seconds } from '../schemas.ts';
import { names } from './names.ts';

const MIB = 1024 * 1024;

/** How the gateway treats the WebSockets of its clients. */
export const webSocketSettings = defineSettings({
  ws_ping_interval: {
    schema: seconds({ min: 0 }),
    default: 30,
    env: names('WS_PING_INTERVAL_SECS'),
    flag: 'ws-ping-interval',
    group: 'WebSockets',
    description: 'Seconds between pings; 0 for none. A client that is silent for three times as long is disconnected.',
  },
  ws_stall_timeout: {
    schema: seconds({ min: 1 }),
    default: 600,
    env: ['GP_WS_STALL_TIMEOUT'],
    flag: 'ws-stall-timeout',
    group: 'WebSockets',
    description: 'Seconds after which a client that does not read is disconnected.',
  },
  ws_compression: {
    schema: booleanSetting(),
    default: false,
    env: ['GP_WS_COMPRESSION'],
    flag: 'ws-compression',
    group: 'WebSockets',
    description: 'Offer permessage-deflate. Costs CPU time; worth it on slow links only.',
  },
  max_message_size: {
    schema: byteCount({ min: 1024 }),
    default: 64 * MIB,
    env: ['GP_MAX_MESSAGE_SIZE'],
    flag: 'max-message-size',
    group: 'WebSockets',
    description: 'Largest message that a client may send, in bytes or as 64MiB.',
  },
  client_queue_size: {
    schema: byteCount({ min: 64 * 1024 }),
    default: 64 * MIB,
    env: ['GP_CLIENT_QUEUE_SIZE'],
    flag: 'client-queue-size',
    group: 'WebSockets',
    description: 'What may wait in memory for a client that reads slowly; older output is dropped, and marked.',
  },
});
