import { defineSettings } from '@gateway-provisioners/core';
import { oneOf } from '../schemas.ts';
import { names } from './names.ts';

/** What is logged. */
export const loggingSettings = defineSettings({
  log_level: {
    schema: oneOf(['debug', 'info', 'warn', 'error', 'silent'], (word) =>
      word.toLowerCase().replace(/^warning$/, 'warn'),
    ),
    default: 'info',
    env: names('LOG_LEVEL'),
    flag: 'log-level',
    group: 'Logging',
    description: 'debug, info, warn, error or silent. One JSON object per line, on standard error.',
  },
});
