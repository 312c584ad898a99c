import type { LogFields, Logger } from '@gateway-provisioners/core';
import { destination, pino } from '../require-library.ts';
import { redactFields, redactText } from './redact.ts';

export interface PinoLoggerOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** Where lines go; default standard error, without blocking. */
  readonly stream?: { write(line: string): unknown } | undefined;
}

export interface FlushableLogger extends Logger {
  /** Writes out what is buffered, before the process ends. */
  flush(): void;
}

/** One JSON object per line: `time` (ISO 8601), `level`, `msg` and the redacted fields. */
export function createPinoLogger(options: PinoLoggerOptions): FlushableLogger {
  const output = options.stream === undefined ? destination({ dest: 2, sync: false }) : undefined;
  const root = pino(
    {
      level: options.level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    output ?? options.stream ?? destination(2),
  );
  return {
    ...adapt((level, message, fields) => {
      root[level](fields, message);
    }),
    flush: () => output?.flushSync(),
  };
}

type Level = 'debug' | 'info' | 'warn' | 'error';

function adapt(write: (level: Level, message: string, fields: Record<string, unknown>) => void): Logger {
  const at =
    (level: Level) =>
    (message: string, fields: LogFields = {}): void => {
      write(level, redactText(message), redactFields(fields));
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (bound) => {
      const kept = redactFields(bound);
      return adapt((level, message, fields) => {
        write(level, message, { ...kept, ...fields });
      });
    },
  };
}
